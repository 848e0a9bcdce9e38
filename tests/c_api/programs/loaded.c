/* A library that is loaded while the program runs, for itself alone, as bindings of other languages do it. */
#include <dlfcn.h>
#include <saClm.h>

#include "check.h"

int main(int argc, char **argv)
{
    CHECK(argc > 1);
    for (int i = 1; i < argc; i++) {
        void *library = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);
        SaAisErrorT (*initialize)(SaClmHandleT *, const SaClmCallbacksT *, SaVersionT *);
        SaAisErrorT (*finalize)(SaClmHandleT);
        SaClmHandleT handle = 0;
        SaVersionT version = {'B', 1, 1};

        if (library == NULL)
            fprintf(stderr, "%s\n", dlerror());
        CHECK(library != NULL);
        *(void **)&initialize = dlsym(library, "saClmInitialize");
        *(void **)&finalize = dlsym(library, "saClmFinalize");
        RETRIED(initialize(&handle, NULL, &version));
        GIVES(SA_AIS_OK, finalize(handle));
        dlclose(library);
    }
    return 0;
}
