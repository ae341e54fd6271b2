// SPDX-License-Identifier: Apache-2.0
#include "dpdk/cryptodev.h"

#include <rte_cryptodev.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_pause.h>

#include <stdlib.h>

#include "crypto/hashing.h"
#include "crypto/keys.h"
#include "crypto/rsa_message.h"
#include "crypto/rsa_numbers.h"
#include "dpdk/internal.h"
#include "src/base/assert.h"
#include "src/base/clock.h"

#define BURST COL_BACKEND_LANES_MAX
// The least that a QAT device takes.
#define DESCRIPTORS 128
// A device answers within some milliseconds. One that does not is not asked again.
#define ANSWER_NS UINT64_C(1000000000)

/// One operation, in memory that a device reaches, and used again for every burst.
typedef struct {
    uint8_t encoded[COL_SIGNATURE_BYTES_MAX];
    uint8_t signature[COL_SIGNATURE_BYTES_MAX];
} operation_bytes;

/// A queue pair and what its signer needs.
typedef struct {
    void *session;  ///< its own: drivers keep scratch space there
    operation_bytes *bytes;
    struct rte_crypto_op *operation[BURST];
    col_cryptodev_counters *counters;
} queue;

/// The device of this process.
static struct {
    bool is_open;
    bool is_started;
    uint8_t id;
    const char *name;
    const col_key *key;
    uint32_t signers;
    atomic_uint contexts;  ///< made so far
    struct rte_mempool *sessions;
    struct rte_mempool *operations;
    queue queue[COL_PILLARS_MAX];
} device;

// Start

/// The device may be there already: EAL probes the PCI device that it was allowed.
static void add_device(const char *name) {
    col_net_eal_forget_message();
    if (!col_net_is_pci(name)) (void)rte_eal_hotplug_add("vdev", name, "");
}

/// Whether the device signs with RSA keys of this length, given as their primes.
static bool signs(uint8_t id, const struct rte_cryptodev_info *info, uint16_t modulus_bytes) {
    const uint64_t needed =
        RTE_CRYPTODEV_FF_ASYMMETRIC_CRYPTO | RTE_CRYPTODEV_FF_RSA_PRIV_OP_KEY_QT;
    if ((info->feature_flags & needed) != needed) return false;
    const struct rte_cryptodev_asym_capability_idx rsa = {.type = RTE_CRYPTO_ASYM_XFORM_RSA};
    const struct rte_cryptodev_asymmetric_xform_capability *capability =
        rte_cryptodev_asym_capability_get(id, &rsa);
    return capability != NULL &&
           rte_cryptodev_asym_xform_capability_check_optype(capability, RTE_CRYPTO_ASYM_OP_SIGN) ==
               1 &&
           rte_cryptodev_asym_xform_capability_check_modlen(capability, modulus_bytes) == 0;
}

/// A device may have several functions, of which one signs.
static col_result find_device(const char *name, uint16_t modulus_bytes,
                              struct rte_cryptodev_info *info) {
    add_device(name);
    bool is_there = false;
    for (uint8_t id = 0; id < RTE_CRYPTO_MAX_DEVS; id++) {
        if (!rte_cryptodev_is_valid_dev(id)) continue;
        rte_cryptodev_info_get(id, info);
        if (strcmp(rte_dev_name(info->device), name) != 0) continue;
        is_there = true;
        device.id = id;
        if (signs(id, info, modulus_bytes)) return col_ok();
    }
    if (is_there) {
        return col_error(
            "signing_device %s does not sign with RSA keys of %d bits: name another in the tuning "
            "profile, or remove signing_device to sign on the CPU",
            name, 8 * modulus_bytes);
    }
    return col_error(
        "DPDK finds no signing_device %s (%s): name one of `dpdk-devbind.py --status-dev crypto` "
        "in the tuning profile, or remove signing_device to sign on the CPU",
        name, col_net_eal_message());
}

static col_result check_queues(const struct rte_cryptodev_info *info, uint32_t signers) {
    if (info->max_nb_queue_pairs >= signers) return col_ok();
    return col_error(
        "signing_device %s has %u queue pairs and the tuning profile %u signers: use %u signers",
        device.name, info->max_nb_queue_pairs, signers, info->max_nb_queue_pairs);
}

static col_result set_up_error(const char *what, int outcome) {
    return col_error(
        "cannot %s signing_device %s: %s (%s): raise memory_mb, or remove signing_device to sign "
        "on the CPU",
        what, device.name, rte_strerror(outcome < 0 ? -outcome : outcome), col_net_eal_message());
}

static col_result make_pools(int socket) {
    device.sessions =
        rte_cryptodev_asym_session_pool_create("signing_sessions", device.signers, 0, 0, socket);
    if (device.sessions == NULL) return set_up_error("make sessions of", rte_errno);
    device.operations = rte_crypto_op_pool_create(
        "signing_operations", RTE_CRYPTO_OP_TYPE_ASYMMETRIC, device.signers * BURST, 0, 0, socket);
    if (device.operations == NULL) return set_up_error("make operations of", rte_errno);
    return col_ok();
}

static col_result start_device(int socket) {
    struct rte_cryptodev_config configuration = {
        .socket_id = socket,
        .nb_queue_pairs = (uint16_t)device.signers,
        .ff_disable = RTE_CRYPTODEV_FF_SYMMETRIC_CRYPTO | RTE_CRYPTODEV_FF_SECURITY,
    };
    const struct rte_cryptodev_qp_conf queue_pair = {.nb_descriptors = DESCRIPTORS};
    int outcome = rte_cryptodev_configure(device.id, &configuration);
    for (uint16_t i = 0; outcome == 0 && i < device.signers; i++) {
        outcome = rte_cryptodev_queue_pair_setup(device.id, i, &queue_pair, socket);
    }
    if (outcome == 0) outcome = rte_cryptodev_start(device.id);
    if (outcome != 0) return set_up_error("start", outcome);
    device.is_started = true;
    return col_ok();
}

static rte_crypto_uint number(uint8_t *bytes, uint32_t length) {
    return (rte_crypto_uint){.data = bytes, .length = length, .iova = rte_mem_virt2iova(bytes)};
}

static col_result make_session(col_rsa_numbers *numbers, queue *made) {
    static uint8_t exponent[] = {1, 0, 1};  // 65537
    const uint32_t length = numbers->modulus_bytes;
    struct rte_crypto_asym_xform transform = {
        .xform_type = RTE_CRYPTO_ASYM_XFORM_RSA,
        .rsa = {.n = number(numbers->modulus, length),
                .e = number(exponent, sizeof exponent),
                .key_type = RTE_RSA_KEY_TYPE_QT,
                .qt = {.p = number(numbers->prime[0], length / 2),
                       .q = number(numbers->prime[1], length / 2),
                       .dP = number(numbers->exponent[0], length / 2),
                       .dQ = number(numbers->exponent[1], length / 2),
                       .qInv = number(numbers->inverse, length / 2)}}};
    const int outcome =
        rte_cryptodev_asym_session_create(device.id, &transform, device.sessions, &made->session);
    return outcome == 0 ? col_ok() : set_up_error("give the key to", outcome);
}

/// What is the same in every operation of a queue.
static void fill_operation(const queue *made, uint32_t i, uint32_t length) {
    struct rte_crypto_op *operation = made->operation[i];
    operation_bytes *bytes = &made->bytes[i];
    rte_crypto_op_attach_asym_session(operation, made->session);
    // Without padding by the device, which not all know: QAT does not.
    operation->asym->rsa =
        (struct rte_crypto_rsa_op_param){.op_type = RTE_CRYPTO_ASYM_OP_SIGN,
                                         .message = number(bytes->encoded, length),
                                         .sign = number(bytes->signature, length),
                                         .padding = {.type = RTE_CRYPTO_RSA_PADDING_NONE}};
}

static col_result make_queue(col_rsa_numbers *numbers, int socket, queue *made) {
    COL_TRY(make_session(numbers, made));
    made->bytes = rte_zmalloc_socket(NULL, BURST * sizeof *made->bytes, 0, socket);
    if (made->bytes == NULL ||
        rte_crypto_op_bulk_alloc(device.operations, RTE_CRYPTO_OP_TYPE_ASYMMETRIC, made->operation,
                                 BURST) != BURST) {
        return set_up_error("make operations of", ENOMEM);
    }
    for (uint32_t i = 0; i < BURST; i++) fill_operation(made, i, numbers->modulus_bytes);
    return col_ok();
}

static col_result set_up(col_rsa_numbers *numbers, col_cryptodev_counters *counters) {
    struct rte_cryptodev_info info;
    COL_TRY(find_device(device.name, (uint16_t)numbers->modulus_bytes, &info));
    COL_TRY(check_queues(&info, device.signers));
    const int socket = rte_cryptodev_socket_id(device.id);
    COL_TRY(make_pools(socket));
    COL_TRY(start_device(socket));
    for (uint32_t i = 0; i < device.signers; i++) {
        device.queue[i].counters = &counters[i];
        COL_TRY(make_queue(numbers, socket, &device.queue[i]));
    }
    return col_ok();
}

col_result col_cryptodev_open(const char *name, const col_key *key, uint32_t signers,
                              col_cryptodev_counters *counters) {
    COL_ASSERT(!device.is_open && signers >= 1 && signers <= COL_PILLARS_MAX);
    col_rsa_numbers numbers;
    if (!col_rsa_numbers_read(key, &numbers)) {
        return col_error(
            "signing_device %s signs with RSA keys of two primes only, and this replica's key is "
            "none: remove signing_device from the tuning profile",
            name);
    }
    device.name = name;
    device.key = key;
    device.signers = signers;
    const col_result result = set_up(&numbers, counters);
    col_rsa_numbers_wipe(&numbers);
    device.is_open = result.ok;
    if (!result.ok) col_cryptodev_close();
    return result;
}

void col_cryptodev_close(void) {
    if (device.is_started) rte_cryptodev_stop(device.id);
    for (uint32_t i = 0; i < device.signers; i++) {
        const queue *made = &device.queue[i];
        if (made->session != NULL) rte_cryptodev_asym_session_free(device.id, made->session);
        rte_free(made->bytes);
    }
    if (device.is_started) rte_cryptodev_close(device.id);
    rte_mempool_free(device.operations);  // and with it those that the queues took
    rte_mempool_free(device.sessions);
    memset(&device, 0, sizeof device);
}

// Signing

/// One signer's.
typedef struct {
    uint16_t number;  ///< of its queue pair
    queue *queue;
    bool is_given_up;  ///< an operation did not come back, and may yet write where it was told to
    const col_backend *cpu;
    void *cpu_context;
    col_hasher *hasher;
} context;

static bool device_is_open(void) {
    return device.is_open;
}

static void *device_context_create(void) {
    context *self = calloc(1, sizeof *self);
    COL_ASSERT(self);
    self->number = (uint16_t)atomic_fetch_add(&device.contexts, 1);
    COL_ASSERT(self->number < device.signers);
    self->queue = &device.queue[self->number];
    self->cpu = col_backend_best();
    self->cpu_context = self->cpu->context_create();
    self->hasher = col_hasher_create();
    return self;
}

static void device_context_destroy(void *opaque) {
    context *self = opaque;
    if (!self) return;
    self->cpu->context_destroy(self->cpu_context);
    col_hasher_destroy(self->hasher);
    free(self);
}

static void encode(const context *self, const col_sign_job *job, uint32_t count) {
    COL_ASSERT(count >= 1 && count <= BURST);
    col_bytes message[BURST];
    col_digest digest[BURST];
    for (uint32_t i = 0; i < count; i++) message[i] = job[i].message;
    self->hasher->digest(self->hasher, message, count, digest);
    for (uint32_t i = 0; i < count; i++) {
        col_rsa_message_encode(&digest[i], self->queue->bytes[i].encoded,
                               col_key_signature_bytes(device.key));
    }
}

/// Have the device do the first `count` operations. @return how many it took
static uint32_t operate(context *self, uint32_t count) {
    struct rte_crypto_op *done[BURST];
    const uint32_t taken = rte_cryptodev_enqueue_burst(device.id, self->number,
                                                       self->queue->operation, (uint16_t)count);
    const uint64_t deadline = col_clock_monotonic_ns() + ANSWER_NS;
    uint32_t back = 0;
    while (back < taken && !self->is_given_up) {
        const bool is_late = col_clock_monotonic_ns() > deadline;
        const uint16_t more = rte_cryptodev_dequeue_burst(device.id, self->number, done, BURST);
        if (more == 0) rte_pause();
        back += more;
        self->is_given_up = is_late && back < taken;
    }
    return taken;
}

/// Release what verifies, whatever the device says of it. The rest is made on the CPU.
static void release(const context *self, col_sign_job *job, uint32_t count, uint32_t taken) {
    col_verify_job check[BURST];
    for (uint32_t i = 0; i < taken; i++) {
        check[i] = (col_verify_job){
            .key = device.key,
            .message = job[i].message,
            .signature = {self->queue->bytes[i].signature, col_key_signature_bytes(device.key)}};
    }
    self->cpu->verify_variable_time(self->cpu_context, check, taken);
    for (uint32_t i = 0; i < count; i++) {
        const bool is_good = i < taken && check[i].valid;
        if (is_good) {
            memcpy(job[i].signature, check[i].signature.at, check[i].signature.length);
        } else {
            self->cpu->sign(self->cpu_context, &job[i], 1);
        }
        col_count(is_good ? &self->queue->counters->signatures : &self->queue->counters->refused,
                  1);
    }
}

static void sign_on_device(context *self, col_sign_job *job, uint32_t count) {
    uint32_t taken = 0;
    if (!self->is_given_up) {
        encode(self, job, count);
        taken = operate(self, count);
    }
    release(self, job, count, self->is_given_up ? 0 : taken);
}

static void device_sign(void *opaque, col_sign_job *job, uint32_t count) {
    context *self = opaque;
    uint32_t end;
    for (uint32_t first = 0; first < count; first = end) {
        const col_key *key = job[first].key;
        end = first + 1;
        while (end < count && end - first < BURST && job[end].key == key) end++;
        if (key == device.key) {
            sign_on_device(self, &job[first], end - first);
        } else {
            self->cpu->sign(self->cpu_context, &job[first], end - first);
        }
    }
}

/// Never by the device: that of DPDK's crypto_openssl takes a signature for any message.
static void verify_on_cpu(void *opaque, col_verify_job *job, uint32_t count) {
    const context *self = opaque;
    self->cpu->verify_variable_time(self->cpu_context, job, count);
}

const col_backend col_backend_cryptodev = {
    .name = "cryptodev",
    .lanes = BURST,
    .available = device_is_open,
    .context_create = device_context_create,
    .context_destroy = device_context_destroy,
    .sign = device_sign,
    .verify_variable_time = verify_on_cpu,
};
