// SPDX-License-Identifier: Apache-2.0
#include "crypto/keys.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <sys/stat.h>

#include "tests/unit/crypto/support.h"

static char directory[64];
static char private_path[96];
static char public_path[96];
static char other_path[96];

static int set_up(void **state) {
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/colonnade-keys-XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(private_path, sizeof private_path, "%s/key.pem", directory);
    snprintf(public_path, sizeof public_path, "%s/key.pub", directory);
    snprintf(other_path, sizeof other_path, "%s/other.pem", directory);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    unlink(private_path);
    unlink(public_path);
    unlink(other_path);
    return rmdir(directory);
}

static void assert_error(col_result result, const char *path, const char *part) {
    assert_false(result.ok);
    if (!strstr(result.text, part)) fail_msg("\"%s\" lacks \"%s\"", result.text, part);
    if (strncmp(result.text, path, strlen(path)) != 0)
        fail_msg("\"%s\" lacks the path", result.text);
}

/// Owns `pkey`. A passphrase encrypts.
static void write_other(EVP_PKEY *pkey, const char *passphrase) {
    assert_non_null(pkey);
    FILE *file = fopen(other_path, "w");
    assert_non_null(file);
    assert_int_equal(fchmod(fileno(file), 0600), 0);
    const EVP_CIPHER *cipher = passphrase ? EVP_aes_128_cbc() : NULL;
    assert_int_equal(
        PEM_write_PKCS8PrivateKey(file, pkey, cipher, passphrase,
                                  passphrase ? (int)strlen(passphrase) : 0, NULL, NULL),
        1);
    fclose(file);
    EVP_PKEY_free(pkey);
}

static void a_generated_pair_is_read_back_and_has_one_fingerprint(void **state) {
    (void)state;
    const uint32_t bits[] = {2048, 3072};
    for (size_t i = 0; i < 2; i++) {
        assert_ok(col_key_generate(bits[i], private_path, public_path));
        struct stat status;
        assert_int_equal(stat(private_path, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);

        col_key *private_key;
        col_key *public_key;
        assert_ok(col_key_read_private(private_path, &private_key));
        assert_ok(col_key_read_public(public_path, &public_key));
        assert_int_equal(col_key_signature_bytes(private_key), bits[i] / 8);
        assert_int_equal(col_key_signature_bytes(public_key), bits[i] / 8);
        col_digest a;
        col_digest b;
        col_key_fingerprint(private_key, &a);
        col_key_fingerprint(public_key, &b);
        assert_memory_equal(a.byte, b.byte, 32);
        col_key_destroy(private_key);
        col_key_destroy(public_key);
        unlink(private_path);
        unlink(public_path);
    }
}

static void two_pairs_have_different_fingerprints(void **state) {
    (void)state;
    col_digest fingerprint[2];
    for (int i = 0; i < 2; i++) {
        assert_ok(col_key_generate(2048, private_path, public_path));
        col_key *key;
        assert_ok(col_key_read_public(public_path, &key));
        col_key_fingerprint(key, &fingerprint[i]);
        col_key_destroy(key);
        unlink(private_path);
        unlink(public_path);
    }
    assert_memory_not_equal(fingerprint[0].byte, fingerprint[1].byte, 32);
}

static void a_key_of_an_unsupported_size_is_not_made(void **state) {
    (void)state;
    assert_error(col_key_generate(1024, private_path, public_path), "an RSA key of 1024 bits",
                 "2048");
    assert_int_equal(access(private_path, F_OK), -1);
}

static void a_key_file_is_never_overwritten_and_half_a_pair_is_not_left(void **state) {
    (void)state;
    assert_ok(col_key_generate(2048, private_path, public_path));
    assert_error(col_key_generate(2048, private_path, other_path), private_path, "move it away");
    assert_int_equal(access(other_path, F_OK), -1);
    assert_error(col_key_generate(2048, other_path, public_path), public_path, "move it away");
    assert_int_equal(access(other_path, F_OK), -1);
    col_key *key;
    assert_ok(col_key_read_private(private_path, &key));
    col_key_destroy(key);
    unlink(private_path);
    unlink(public_path);
}

static void a_directory_that_does_not_exist_is_an_error_with_the_path(void **state) {
    (void)state;
    assert_error(col_key_generate(2048, "/nonexistent/key.pem", public_path),
                 "/nonexistent/key.pem", "cannot write");
    col_key *key;
    assert_error(col_key_read_private("/nonexistent/key.pem", &key), "/nonexistent/key.pem",
                 "No such file");
    assert_error(col_key_read_public("/nonexistent/key.pub", &key), "/nonexistent/key.pub",
                 "No such file");
}

static void a_private_key_that_others_can_read_is_refused_with_the_command_that_helps(
    void **state) {
    (void)state;
    assert_ok(col_key_generate(2048, private_path, public_path));
    char remedy[160];
    snprintf(remedy, sizeof remedy, "run `chmod 600 %s`", private_path);
    const mode_t modes[] = {0640, 0604, 0660, 0601};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        assert_int_equal(chmod(private_path, modes[i]), 0);
        col_key *key;
        assert_error(col_key_read_private(private_path, &key), private_path, remedy);
    }
    unlink(private_path);
    unlink(public_path);
}

static void keys_of_other_kinds_are_refused_by_name(void **state) {
    (void)state;
    col_key *key;
    write_other(EVP_EC_gen("P-256"), NULL);
    assert_error(col_key_read_private(other_path, &key), other_path, "type EC");
    write_other(EVP_RSA_gen(1024), NULL);
    assert_error(col_key_read_private(other_path, &key), other_path, "1024 bits");
    write_other(EVP_RSA_gen(2048), "secret");
    assert_error(col_key_read_private(other_path, &key), other_path, "is encrypted");

    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    BIGNUM *three = BN_new();
    EVP_PKEY *pkey = NULL;
    BN_set_word(three, 3);
    assert_true(EVP_PKEY_keygen_init(context) == 1 &&
                EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048) == 1 &&
                EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, three) == 1 &&
                EVP_PKEY_generate(context, &pkey) == 1);
    BN_free(three);
    EVP_PKEY_CTX_free(context);
    write_other(pkey, NULL);
    assert_error(col_key_read_private(other_path, &key), other_path, "public exponent");
    unlink(other_path);
}

static void what_is_not_a_key_is_an_error(void **state) {
    (void)state;
    col_key *key;
    assert_error(col_key_read_private(directory, &key), directory, "is not a file");

    FILE *file = fopen(other_path, "w");
    assert_non_null(file);
    fputs("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", file);
    fclose(file);
    assert_int_equal(chmod(other_path, 0600), 0);
    assert_error(col_key_read_private(other_path, &key), other_path, "no private key in PEM form");
    assert_error(col_key_read_public(other_path, &key), other_path, "no public key in PEM form");
    unlink(other_path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_generated_pair_is_read_back_and_has_one_fingerprint),
        cmocka_unit_test(two_pairs_have_different_fingerprints),
        cmocka_unit_test(a_key_of_an_unsupported_size_is_not_made),
        cmocka_unit_test(a_key_file_is_never_overwritten_and_half_a_pair_is_not_left),
        cmocka_unit_test(a_directory_that_does_not_exist_is_an_error_with_the_path),
        cmocka_unit_test(a_private_key_that_others_can_read_is_refused_with_the_command_that_helps),
        cmocka_unit_test(keys_of_other_kinds_are_refused_by_name),
        cmocka_unit_test(what_is_not_a_key_is_an_error),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
