/*
 * The types of the SA Forum Notification Service that other services speak of. That service itself is not here.
 */
#ifndef _SA_NTF_H
#define _SA_NTF_H

#include "saAis.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SA_NTF_IDENTIFIER_UNUSED ((SaNtfIdentifierT)0LL)

typedef struct {
    SaNtfIdentifierT rootCorrelationId;
    SaNtfIdentifierT parentCorrelationId;
    SaNtfIdentifierT notificationId;
} SaNtfCorrelationIdsT;

#ifdef __cplusplus
}
#endif

#endif
