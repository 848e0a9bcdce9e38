// The headers and libraries in a C++ program.
#include <saClm.h>
#include <evs.h>
#include <saEvt.h>

#include "check.h"

int main()
{
    SaClmHandleT handle = 0;
    SaVersionT version = {'B', 1, 1};
    SaClmClusterNodeT node;
    RETRIED(saClmInitialize(&handle, nullptr, &version));
    RETRIED(saClmClusterNodeGet(handle, SA_CLM_LOCAL_NODE_ID, SA_TIME_MAX, &node));
    GIVES(SA_AIS_OK, saClmFinalize(handle));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saClmFinalize(handle));
    return 0;
}
