// SPDX-License-Identifier: Apache-2.0
#include "src/config/shared.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <urcu-qsbr.h>

#include "src/base/assert.h"

/// liburcu orders every access before a reader's quiescent point before the end of the grace period
/// that waits for it. It is not compiled with ThreadSanitizer, which therefore has to be told.
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
static char grace;
static void tell_quiescent(void) {
    __tsan_release(&grace);
}
static void tell_grace_over(void) {
    __tsan_acquire(&grace);
}
#else
static void tell_quiescent(void) {}
static void tell_grace_over(void) {}
#endif

static _Atomic(col_config *) present;

/// Publications, counted under `publishing`: one at a time.
static uint64_t publications;
static pthread_mutex_t publishing = PTHREAD_MUTEX_INITIALIZER;

static col_config *config_of(col_cluster *cluster, col_profile *profile) {
    if (!cluster && !profile) return NULL;
    col_config *config = malloc(sizeof *config);
    COL_ASSERT(config);
    *config = (col_config){.cluster = cluster, .profile = profile, .version = ++publications};
    return config;
}

static void config_destroy(col_config *config) {
    if (!config) return;
    col_cluster_destroy((col_cluster *)config->cluster);
    col_profile_destroy((col_profile *)config->profile);
    free(config);
}

void col_config_publish(col_cluster *cluster, col_profile *profile) {
    COL_ASSERT(!cluster == !profile);
    pthread_mutex_lock(&publishing);
    // Release: pairs with the acquire of col_config_read, so that readers see a complete snapshot.
    col_config *old =
        atomic_exchange_explicit(&present, config_of(cluster, profile), memory_order_acq_rel);
    urcu_qsbr_synchronize_rcu();
    tell_grace_over();
    config_destroy(old);
    pthread_mutex_unlock(&publishing);
}

const col_config *col_config_read(void) {
    return atomic_load_explicit(&present, memory_order_acquire);
}

void col_config_register_reader(void) {
    urcu_qsbr_register_thread();
}

void col_config_unregister_reader(void) {
    tell_quiescent();
    urcu_qsbr_unregister_thread();
}

void col_config_quiescent(void *unused, bool online) {
    (void)unused;
    tell_quiescent();
    if (!online) {
        urcu_qsbr_thread_offline();
    } else if (urcu_qsbr_read_ongoing()) {
        urcu_qsbr_quiescent_state();
    } else {
        urcu_qsbr_thread_online();
    }
}
