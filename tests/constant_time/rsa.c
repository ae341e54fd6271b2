// SPDX-License-Identifier: Apache-2.0
// Signs with a key whose private numbers count as undefined memory, under clang's memory sanitizer,
// which ends the program at the first branch or address that depends on them.
//
// usage: rsa [leak]     with `leak`, one bit of the key decides a branch: the check must see it
#include <openssl/rsa.h>
#include <sanitizer/msan_interface.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "crypto/ifma/rsa_internal.h"
#include "src/base/assert.h"

#define SIGNATURES (2 * 64 + 3)  // past a renewal of the blinding, and past a second

static void check(int bits, bool leak) {
    EVP_PKEY *pkey = EVP_RSA_gen((unsigned)bits);
    COL_ASSERT(pkey);
    col_rsa_key *key = col_rsa_key_create(pkey, true, (uint64_t)bits);
    col_rsa_context *context = col_rsa_context_create();
    COL_ASSERT(key);
    __msan_unpoison(key, sizeof *key);  // written by OpenSSL, which is not instrumented
    for (int i = 0; i < 2; i++) {
        __msan_poison(&key->prime[i].m, sizeof key->prime[i].m);
        __msan_poison(&key->prime[i].k0, sizeof key->prime[i].k0);
    }
    const size_t secrets = offsetof(col_rsa_key, prime_one);  // up to the end
    __msan_poison((char *)key + secrets, sizeof *key - secrets);
    if (leak && (key->exponent[0][0] & 2) != 0) puts("a bit of the key is set");

    uint8_t made[8][512];
    uint8_t *signature[8];
    col_digest digest[8];
    const col_rsa_key *keys[8];
    for (int i = 0; i < 8; i++) {
        signature[i] = made[i];
        keys[i] = key;
        memset(&digest[i], i + 1, sizeof digest[i]);
    }
    for (int i = 0; i < SIGNATURES; i++) {
        const uint32_t count = i % 60 == 0 ? 8 : 1;
        const uint8_t all = (uint8_t)((1U << count) - 1);
        COL_ASSERT(col_rsa_sign(context, key, digest, count, signature) == all);
        __msan_unpoison(made, sizeof made);
        COL_ASSERT(col_rsa_verify_variable_time(context, keys, digest,
                                                (const uint8_t *const *)signature, count) == all);
    }
    printf("RSA-%d: %d calls\n", bits, SIGNATURES);
    col_rsa_context_destroy(context);
    col_rsa_key_destroy(key);
    EVP_PKEY_free(pkey);
}

int main(int count, char **argument) {
    if (!col_rsa_available()) return 77;
    __msan_scoped_disable_interceptor_checks();  // what OpenSSL passes to libc is not looked at
    const bool leak = count > 1 && strcmp(argument[1], "leak") == 0;
    for (int bits = 2048; bits <= 4096; bits += 1024) check(bits, leak);
    return 0;
}
