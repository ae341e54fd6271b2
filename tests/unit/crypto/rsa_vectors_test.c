// SPDX-License-Identifier: Apache-2.0
// Public test vectors of RSA signatures, on every back end of this machine, one at a time and in
// bursts: malformed padding, wrong lengths, numbers that are not below the modulus, other hashes.
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "crypto/backend.h"
#include "tests/unit/crypto/support.h"

#define LINE_BYTES_MAX 2048
#define MESSAGE_BYTES_MAX 64
#define SIGNATURE_BYTES_MAX 1024  // some are too long on purpose
#define BURST 11

static const col_backend *const backends[] = {&col_backend_openssl, &col_backend_ifma};
#define BACKENDS (sizeof backends / sizeof backends[0])

typedef struct {
    uint8_t message[MESSAGE_BYTES_MAX];
    uint8_t signature[SIGNATURE_BYTES_MAX];
    bool is_valid;
    char number[8];
    col_verify_job job;
} vector;

/// The first is the key's first vector, which is valid, in every burst: each lane meets it in turn,
/// among others that are not.
static vector burst[BURST];
static uint32_t waiting, checked, refused, bursts;
static col_key *keys[3];
static uint32_t key_count;
static void *context[BACKENDS];

static size_t from_hex(const char *text, uint8_t *bytes, size_t room) {
    if (strcmp(text, "-") == 0) return 0;
    const size_t length = strlen(text) / 2;
    assert_true(length <= room);
    for (size_t i = 0; i < length; i++) {
        unsigned value;
        assert_int_equal(sscanf(text + 2 * i, "%2x", &value), 1);
        bytes[i] = (uint8_t)value;
    }
    return length;
}

static void read_key(const char *hex) {
    uint8_t der[1024];
    const uint8_t *at = der;
    EVP_PKEY *pkey = d2i_PUBKEY(NULL, &at, (long)from_hex(hex, der, sizeof der));
    assert_non_null(pkey);
    char path[] = "/tmp/colonnade-vector-XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_PUBKEY(file, pkey), 1);
    fclose(file);
    assert_true(key_count < 3);
    assert_ok(col_key_read_public(path, COL_SCHEME_RSA, &keys[key_count++]));
    unlink(path);
    EVP_PKEY_free(pkey);
}

static void check_burst(void) {
    bursts++;
    for (size_t which = 0; which < BACKENDS; which++) {
        if (!backends[which]->available()) continue;
        for (uint32_t step = 1; step <= BURST; step += BURST - 1) {
            col_verify_job job[BURST];
            for (uint32_t i = 0; i < waiting; i++) job[i] = burst[(i + bursts) % waiting].job;
            for (uint32_t i = 0; i < waiting; i += step) {
                const uint32_t count = step < waiting - i ? step : waiting - i;
                backends[which]->verify_variable_time(context[which], &job[i], count);
            }
            for (uint32_t i = 0; i < waiting; i++) {
                const vector *of = &burst[(i + bursts) % waiting];
                if (job[i].valid == of->is_valid) continue;
                fail_msg("%s: vector %s of key %u is %s", backends[which]->name, of->number,
                         key_count, job[i].valid ? "valid" : "invalid");
            }
        }
    }
    waiting = 1;
}

static void add_vector(const char *number, const char *result, const char *message,
                       const char *signature) {
    vector *added = &burst[waiting++];
    snprintf(added->number, sizeof added->number, "%s", number);
    // One is "acceptable": it lacks a parameter that RFC 8017 wants to be there. Not here.
    added->is_valid = strcmp(result, "valid") == 0;
    added->job = (col_verify_job){.key = keys[key_count - 1]};
    added->job.message.length = from_hex(message, added->message, sizeof added->message);
    added->job.message.at = added->message;
    added->job.signature.length = from_hex(signature, added->signature, sizeof added->signature);
    added->job.signature.at = added->signature;
    checked++;
    refused += !added->is_valid;
    assert_true(burst[0].is_valid);
    if (waiting == BURST) check_burst();
}

static void every_vector_is_judged_as_published(void **state) {
    (void)state;
    for (size_t i = 0; i < BACKENDS; i++) {
        if (backends[i]->available()) context[i] = backends[i]->context_create();
    }
    FILE *file = fopen(COL_VECTORS, "r");
    assert_non_null(file);
    static char line[LINE_BYTES_MAX];
    while (fgets(line, sizeof line, file)) {
        char *word[4];
        int words = 0;
        for (char *at = strtok(line, " \n"); at && words < 4; at = strtok(NULL, " \n")) {
            word[words++] = at;
        }
        if (words == 2 && strcmp(word[0], "key") == 0) {
            check_burst();
            waiting = 0;
            read_key(word[1]);
        } else if (words == 4 && word[0][0] != '#') {
            add_vector(word[0], word[1], word[2], word[3]);
        }
    }
    check_burst();
    fclose(file);
    assert_int_equal(key_count, 3);
    assert_true(checked > 700 && refused > 700 - 30);
    for (size_t i = 0; i < BACKENDS; i++) {
        if (context[i]) backends[i]->context_destroy(context[i]);
    }
    for (uint32_t i = 0; i < key_count; i++) col_key_destroy(keys[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector_is_judged_as_published),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
