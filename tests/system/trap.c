// SPDX-License-Identifier: Apache-2.0
// Loaded with LD_PRELOAD into replicas and clients of a test, which ends a process whose loops
// allocate, free or lock: with a backtrace on standard error and SIGABRT.
//
// The test makes COL_TRAP_DIRECTORY with a file `armed` of one byte. While that is 1, every thread
// but the first that reads the clock is a loop, and calls of the functions below from a loop are
// refused, unless the caller is libcrypto: its allocations are counted in the file that is named
// after the process.
#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define FRAMES_MAX 32

// What glibc calls its own allocator, so that no look-up is needed before the first allocation.
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *memory);

/// The file of a process: read by the test.
typedef struct {
    atomic_uint_fast64_t loops;      ///< threads that were armed
    atomic_uint_fast64_t libcrypto;  ///< allocations of libcrypto on them
} record;

static const atomic_char *armed;
static record *counts;
static uintptr_t libcrypto_begin, libcrypto_end;
static __thread bool is_loop __attribute__((tls_model("initial-exec")));

static bool is_libcrypto(const void *caller) {
    return (uintptr_t)caller >= libcrypto_begin && (uintptr_t)caller < libcrypto_end;
}

static void refuse(const char *what) {
    is_loop = false;
    char line[96];
    const int length =
        snprintf(line, sizeof line, "trap: %s on a loop of process %d\n", what, (int)getpid());
    (void)!write(STDERR_FILENO, line, (size_t)length);
    void *frame[FRAMES_MAX];
    backtrace_symbols_fd(frame, backtrace(frame, FRAMES_MAX), STDERR_FILENO);
    abort();
}

static bool is_trapped(void) {
    return is_loop && atomic_load_explicit(armed, memory_order_relaxed) != 0;
}

static void on_allocation(const char *what, const void *caller) {
    if (!is_trapped()) return;
    if (!is_libcrypto(caller)) refuse(what);
    atomic_fetch_add_explicit(&counts->libcrypto, 1, memory_order_relaxed);
}

static void on_other(const char *what, const void *caller) {
    if (is_trapped() && !is_libcrypto(caller)) refuse(what);
}

void *malloc(size_t size) {
    on_allocation("malloc", __builtin_return_address(0));
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    on_allocation("calloc", __builtin_return_address(0));
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
    on_allocation("realloc", __builtin_return_address(0));
    return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    on_allocation("aligned_alloc", __builtin_return_address(0));
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    on_allocation("posix_memalign", __builtin_return_address(0));
    *memory = __libc_memalign(alignment, size);
    return *memory == NULL;
}

void free(void *memory) {
    on_other("free", __builtin_return_address(0));
    __libc_free(memory);
}

/// The function that this file stands in front of.
#define NEXT(name) ((__typeof__(&name))next(#name))

static void *next(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL) abort();
    return found;
}

static __typeof__(&pthread_mutex_lock) next_mutex_lock;
static __typeof__(&pthread_rwlock_rdlock) next_rdlock;
static __typeof__(&pthread_rwlock_wrlock) next_wrlock;
static __typeof__(&clock_gettime) next_clock_gettime;

int pthread_mutex_lock(pthread_mutex_t *mutex) {
    on_other("pthread_mutex_lock", __builtin_return_address(0));
    if (next_mutex_lock == NULL) next_mutex_lock = NEXT(pthread_mutex_lock);
    return next_mutex_lock(mutex);
}

int pthread_rwlock_rdlock(pthread_rwlock_t *lock) {
    on_other("pthread_rwlock_rdlock", __builtin_return_address(0));
    if (next_rdlock == NULL) next_rdlock = NEXT(pthread_rwlock_rdlock);
    return next_rdlock(lock);
}

int pthread_rwlock_wrlock(pthread_rwlock_t *lock) {
    on_other("pthread_rwlock_wrlock", __builtin_return_address(0));
    if (next_wrlock == NULL) next_wrlock = NEXT(pthread_rwlock_wrlock);
    return next_wrlock(lock);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    const bool is_armed = armed != NULL && atomic_load_explicit(armed, memory_order_relaxed) != 0;
    if (is_armed && !is_loop && gettid() != getpid()) {
        atomic_fetch_add_explicit(&counts->loops, 1, memory_order_relaxed);
        is_loop = true;
    }
    return next_clock_gettime(clock, time);
}

static int find_libcrypto(struct dl_phdr_info *object, size_t size, void *unused) {
    (void)size, (void)unused;
    if (strstr(object->dlpi_name, "libcrypto") == NULL) return 0;
    libcrypto_begin = object->dlpi_addr;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const uintptr_t end =
            object->dlpi_addr + object->dlpi_phdr[i].p_vaddr + object->dlpi_phdr[i].p_memsz;
        if (end > libcrypto_end) libcrypto_end = end;
    }
    return 1;
}

/// @param directory,name of a file of `size` bytes at least
static void *map(const char *directory, const char *name, size_t size, int flags) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    const int descriptor = open(path, flags | O_CLOEXEC, 0600);
    if (descriptor < 0 || ((flags & O_CREAT) != 0 && ftruncate(descriptor, (off_t)size) != 0)) {
        perror(path);
        abort();
    }
    const int access = flags == O_RDONLY ? PROT_READ : PROT_READ | PROT_WRITE;
    void *mapped = mmap(NULL, size, access, MAP_SHARED, descriptor, 0);
    close(descriptor);
    if (mapped == MAP_FAILED) abort();
    return mapped;
}

__attribute__((constructor)) static void start(void) {
    next_clock_gettime = NEXT(clock_gettime);
    dl_iterate_phdr(find_libcrypto, NULL);
    void *frame[1];
    (void)backtrace(frame, 1);  // loads what it needs
    const char *directory = getenv("COL_TRAP_DIRECTORY");
    if (directory == NULL) return;
    char name[16];
    snprintf(name, sizeof name, "%d", (int)getpid());
    counts = map(directory, name, sizeof *counts, O_RDWR | O_CREAT);
    armed = map(directory, "armed", 1, O_RDONLY);
}
