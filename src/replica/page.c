// SPDX-License-Identifier: Apache-2.0
#include "src/replica/page.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/assert.h"

/// Whose lock it is: record locks belong to one process, end with it, and name it.
static struct flock whole_file(void) {
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
}

pid_t col_page_owner(const char *path) {
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return 0;
    struct flock lock = whole_file();
    const int failed = fcntl(descriptor, F_GETLK, &lock);
    close(descriptor);
    return failed || lock.l_type == F_UNLCK ? 0 : lock.l_pid;
}

static col_result map_page(const char *path, int descriptor, int protection, col_page **page) {
    void *at = mmap(NULL, sizeof(col_page), protection, MAP_SHARED, descriptor, 0);
    const int error = errno;
    if (at == MAP_FAILED) {
        return col_error(
            "%s: cannot be mapped (%s): put the cluster directory on a local file system", path,
            strerror(error));
    }
    *page = at;
    return col_ok();
}

/// A new page file, locked. The lock lasts as long as the descriptor stays open: for ever.
static int create_file(const char *path) {
    const int descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    struct flock lock = whole_file();
    if (descriptor < 0) return -1;
    if (ftruncate(descriptor, sizeof(col_page)) == 0 && fcntl(descriptor, F_SETLK, &lock) == 0) {
        return descriptor;
    }
    const int error = errno;
    close(descriptor);
    errno = error;
    return -1;
}

col_result col_page_create(const char *path, col_page **page) {
    const pid_t owner = col_page_owner(path);
    if (owner != 0) {
        return col_error("%s: the replica runs already, as process %d: stop that one first", path,
                         owner);
    }
    // A new file each time: who still maps the old one goes on seeing the replica that stopped.
    (void)unlink(path);
    const int descriptor = create_file(path);
    if (descriptor < 0) {
        return col_error("%s: cannot be written (%s): make its directory writable for this user",
                         path, strerror(errno));
    }
    COL_TRY(map_page(path, descriptor, PROT_READ | PROT_WRITE, page));
    (*page)->magic = COL_PAGE_MAGIC;
    (*page)->size = sizeof(col_page);
    return col_ok();
}

col_result col_page_open(const char *path, const col_page **page) {
    struct stat status;
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return col_error("%s: no status page (%s): start the replica, or `colonnade cluster up`",
                         path, strerror(errno));
    }
    if (fstat(descriptor, &status) != 0 || (uint64_t)status.st_size != sizeof(col_page)) {
        close(descriptor);
        return col_error(
            "%s: written by another version of colonnade: use the same version for replicas and "
            "tools",
            path);
    }
    col_page *mapped = NULL;
    const col_result result = map_page(path, descriptor, PROT_READ, &mapped);
    close(descriptor);
    if (!result.ok) return result;
    COL_ASSERT(mapped != NULL);
    if (mapped->magic != COL_PAGE_MAGIC || mapped->size != sizeof(col_page)) {
        munmap(mapped, sizeof(col_page));
        return col_error("%s: not a status page: remove it and start the replica again", path);
    }
    *page = mapped;
    return col_ok();
}

void col_page_close(const col_page *page) {
    munmap((void *)page, sizeof *page);
}

static const col_page_checkpoint *place_of(const col_page *page, uint64_t checkpoint) {
    return &page->checkpoint[checkpoint % COL_PAGE_CHECKPOINTS];
}

void col_page_put_checkpoint(col_page *page, uint64_t checkpoint, const col_digest *digest,
                             col_bytes seal) {
    if (seal.length > COL_SEAL_BYTES_MAX) return;
    col_page_checkpoint *place = &page->checkpoint[checkpoint % COL_PAGE_CHECKPOINTS];
    const uint64_t version = col_counter_read(&place->version);
    col_counter_set(&place->version, version + 1);
    atomic_thread_fence(memory_order_release);  // pairs with the acquire fence in try_get
    place->checkpoint = checkpoint;
    place->digest = *digest;
    place->seal_bytes = (uint32_t)seal.length;
    memcpy(place->seal, seal.at, seal.length);
    atomic_store_explicit(&place->version, version + 2, memory_order_release);
}

static bool try_get(const col_page_checkpoint *place, col_page_checkpoint *copy) {
    const uint64_t before = atomic_load_explicit(&place->version, memory_order_acquire);
    if (before % 2 != 0) return false;
    memcpy(copy, place, sizeof *copy);
    atomic_thread_fence(memory_order_acquire);  // pairs with the release fence in the writer
    return col_counter_read(&place->version) == before && copy->checkpoint != 0;
}

bool col_page_get_checkpoint(const col_page *page, uint64_t checkpoint, col_page_checkpoint *copy) {
    if (checkpoint != 0) {
        return try_get(place_of(page, checkpoint), copy) && copy->checkpoint == checkpoint;
    }
    bool found = false;
    for (uint32_t i = 0; i < COL_PAGE_CHECKPOINTS; i++) {
        col_page_checkpoint candidate;
        if (!try_get(&page->checkpoint[i], &candidate)) continue;
        if (found && candidate.checkpoint < copy->checkpoint) continue;
        *copy = candidate;
        found = true;
    }
    return found;
}
