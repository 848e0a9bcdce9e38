/*
 * The start of the interpreter inside a C program, and what a fork means to it.
 *
 * The interpreter is started isolated: neither the environment nor the current directory of the program say where modules
 * come from, but the file `openais-c.python` beside this library does, which the installation wrote: the executable in
 * its first line, the module search path in the others. Where the program is Python itself, its interpreter is used.
 */
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <netinet/in.h>
#include <sys/uio.h>

#define SETTINGS_FILE "openais-c.python"
#define LINE_MAX_ 4096

static pthread_mutex_t openais_starting = PTHREAD_MUTEX_INITIALIZER;
static int openais_started = 0;

static void openais_complain(const char *what, const char *detail)
{
    fprintf(stderr, "openais: %s%s%s\n", what, detail ? ": " : "", detail ? detail : "");
}

/* The path of the settings file; 0 when it cannot be told. */
static int openais_settings_path(char *path, size_t size)
{
    Dl_info info;
    char real[PATH_MAX];
    char *slash;

    if (dladdr((void *)&openais_settings_path, &info) == 0 || realpath(info.dli_fname, real) == NULL)
        return 0;
    slash = strrchr(real, '/');
    if (slash == NULL)
        return 0;
    *slash = '\0';
    return snprintf(path, size, "%s/%s", real, SETTINGS_FILE) < (int)size;
}

/* Extension modules look for the interpreter's symbols in the global scope, where a dlopen of us may not have put them. */
static void openais_make_python_global(void)
{
    Dl_info info;

    if (dladdr((void *)&Py_InitializeEx, &info) != 0 && info.dli_fname != NULL)
        (void)dlopen(info.dli_fname, RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD);
}

static PyStatus openais_add_path(PyConfig *config, const char *line)
{
    PyStatus status;
    wchar_t *entry = Py_DecodeLocale(line, NULL);

    if (entry == NULL)
        return PyStatus_NoMemory();
    config->module_search_paths_set = 1;
    status = PyWideStringList_Append(&config->module_search_paths, entry);
    PyMem_RawFree(entry);
    return status;
}

static PyStatus openais_read_settings(PyConfig *config, FILE *file)
{
    char line[LINE_MAX_];
    int number = 0;
    PyStatus status = PyStatus_Ok();

    while (!PyStatus_Exception(status) && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '\0')
            continue;
        if (number++ == 0)
            status = PyConfig_SetBytesString(config, &config->executable, line);
        else
            status = openais_add_path(config, line);
    }
    return status;
}

static int openais_start_python(void)
{
    PyPreConfig preconfig;
    PyConfig config;
    PyStatus status;
    FILE *file;
    char path[PATH_MAX + sizeof SETTINGS_FILE];

    if (!openais_settings_path(path, sizeof path) || (file = fopen(path, "re")) == NULL) {
        openais_complain("the settings of the C libraries cannot be read; install them anew", path);
        return 0;
    }
    PyPreConfig_InitIsolatedConfig(&preconfig);
    preconfig.utf8_mode = 1;
    status = Py_PreInitialize(&preconfig);
    if (!PyStatus_Exception(status)) {
        PyConfig_InitIsolatedConfig(&config);
        config.site_import = 0;
        config.install_signal_handlers = 0;
        status = openais_read_settings(&config, file);
        if (!PyStatus_Exception(status))
            status = Py_InitializeFromConfig(&config);
        PyConfig_Clear(&config);
    }
    fclose(file);
    if (PyStatus_Exception(status)) {
        openais_complain("the interpreter does not start", status.err_msg);
        return 0;
    }
    return 1;
}

/* Forks of a program whose interpreter is ours: the interpreter has to know. */

static __thread PyGILState_STATE openais_fork_state;

static void openais_before_fork(void)
{
    openais_fork_state = PyGILState_Ensure();
    PyOS_BeforeFork();
}

static void openais_after_fork_in_parent(void)
{
    PyOS_AfterFork_Parent();
    PyGILState_Release(openais_fork_state);
}

static void openais_after_fork_in_child(void)
{
    PyOS_AfterFork_Child();
    PyGILState_Release(openais_fork_state);
}

/* The descriptor goes by value, and has a union in it, which only C can pass. */
static void openais_call_csi_set(
    SaAmfCSISetCallbackT callback, SaInvocationT invocation, const SaNameT *component, SaAmfHAStateT state,
    const SaAmfCSIDescriptorT *descriptor)
{
    callback(invocation, component, state, *descriptor);
}

/*
 * msgspec takes typing_extensions when it is installed, and the typing module does for it as well; that it is not
 * found saves a seventh of the start.
 */
static void openais_hide_typing_extensions(void)
{
    PyObject *modules = PyImport_GetModuleDict();

    if (PyDict_SetItemString(modules, "typing_extensions", Py_None) != 0)
        PyErr_Clear();
}

static int openais_start(void)
{
    char wanted[16];
    size_t length;

    if (Py_IsInitialized()) {
        length = (size_t)snprintf(wanted, sizeof wanted, "%d.%d.", PY_MAJOR_VERSION, PY_MINOR_VERSION);
        if (strncmp(Py_GetVersion(), wanted, length) == 0)
            return 1;
        openais_complain("the C libraries were built for another Python than this program's, for " PY_VERSION, NULL);
        return 0;
    }
    openais_make_python_global();
    if (!openais_start_python())
        return 0;
    openais_hide_typing_extensions();
    pthread_atfork(openais_before_fork, openais_after_fork_in_parent, openais_after_fork_in_child);
    PyEval_SaveThread();
    return 1;
}

/* The search path of the program's interpreter may lack what we need. */
static void openais_extend_search_path(void)
{
    char path[PATH_MAX + sizeof SETTINGS_FILE], line[LINE_MAX_];
    PyObject *search_path = PySys_GetObject("path"), *entry;
    FILE *file;
    int number = 0;

    if (search_path == NULL || !openais_settings_path(path, sizeof path) || (file = fopen(path, "re")) == NULL)
        return;
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (number++ == 0 || line[0] == '\0' || (entry = PyUnicode_DecodeFSDefault(line)) == NULL)
            continue;
        if (PySequence_Contains(search_path, entry) == 0)
            (void)PyList_Append(search_path, entry);
        Py_DECREF(entry);
    }
    fclose(file);
    PyErr_Clear();
}

static int openais_import(const char *module)
{
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *loaded;

    openais_extend_search_path();
    loaded = PyImport_ImportModule(module);
    if (loaded == NULL)
        PyErr_Print();
    Py_XDECREF(loaded);
    PyGILState_Release(state);
    return loaded != NULL;
}

/* Makes `module` ready, once; *ready remembers. The libraries call it before every function. */
CFFI_DLLEXPORT int openais_ready(int *ready, const char *module)
{
    int loaded;

    if (__atomic_load_n(ready, __ATOMIC_ACQUIRE))
        return 1;
    pthread_mutex_lock(&openais_starting);
    if (!openais_started)
        openais_started = openais_start();
    loaded = openais_started && cffi_start_python() == 0 &&
             openais_import(module);
    if (loaded)
        __atomic_store_n(ready, 1, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&openais_starting);
    return loaded;
}
