// SPDX-License-Identifier: Apache-2.0
#include "src/base/waker.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "src/base/assert.h"

/// Orders this thread's earlier store before its later load, as no acquire or release does.
static void store_before_load(void) {
#ifdef __SANITIZE_THREAD__
    // ThreadSanitizer does not model fences. It needs no model of this one: the data that the two
    // sides share is ordered by the ring that carries it.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wtsan"
#endif
    atomic_thread_fence(memory_order_seq_cst);
#ifdef __SANITIZE_THREAD__
#pragma GCC diagnostic pop
#endif
}

col_result col_waker_open(col_waker *waker) {
    const int descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (descriptor < 0) {
        return col_error("cannot open an eventfd: %s: raise `ulimit -n`", strerror(errno));
    }
    atomic_init(&waker->sleeping, false);
    waker->descriptor = descriptor;
    return col_ok();
}

void col_waker_close(col_waker *waker) {
    close(waker->descriptor);
    waker->descriptor = -1;
}

void col_waker_signal(col_waker *waker) {
    store_before_load();  // pairs with col_waker_arm: the work before, `sleeping` after
    if (!atomic_load_explicit(&waker->sleeping, memory_order_relaxed)) return;
    // Of many producers one pays for the system call.
    if (!atomic_exchange_explicit(&waker->sleeping, false, memory_order_relaxed)) return;
    const ssize_t written = write(waker->descriptor, &(uint64_t){1}, sizeof(uint64_t));
    // EAGAIN: 2^64-2 signals are waiting already, so the descriptor is readable.
    COL_ASSERT(written == sizeof(uint64_t) || errno == EAGAIN);
}

void col_waker_arm(col_waker *waker) {
    atomic_store_explicit(&waker->sleeping, true, memory_order_relaxed);
    store_before_load();  // pairs with col_waker_signal: `sleeping` before, the work after
}

void col_waker_disarm(col_waker *waker) {
    atomic_store_explicit(&waker->sleeping, false, memory_order_relaxed);
    // A producer that saw `sleeping` may write only after this read: its signal then ends the next
    // sleep at once, which costs one turn.
    uint64_t signals;
    const ssize_t got = read(waker->descriptor, &signals, sizeof signals);
    COL_ASSERT(got == sizeof signals || errno == EAGAIN);
}
