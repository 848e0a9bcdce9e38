/*
 * Where programs look for the tracking of checkpoints, which saCkpt.h has.
 */
#ifndef _SA_CKPT_B_02_03_H
#define _SA_CKPT_B_02_03_H

#include "saCkpt.h"

#endif
