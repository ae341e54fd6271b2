// SPDX-License-Identifier: Apache-2.0
#include "crypto/keys.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <sys/stat.h>
#include <unistd.h>

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
        assert_ok(col_key_read_fingerprint(public_path, &b));
        assert_memory_equal(a.byte, b.byte, 32);
        col_key_destroy(private_key);
        col_key_destroy(public_key);
        unlink(private_path);
        unlink(public_path);
        assert_false(col_key_read_fingerprint(public_path, &b).ok);
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

// Each mistake with a key file: how it is made in `other_path`, and what is said about it.

static void write_text(const char *text) {
    FILE *file = fopen(other_path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(other_path, 0600), 0);
}

static void make_nothing(void) {}

static void make_directory(void) {
    assert_int_equal(mkdir(other_path, 0700), 0);
}

static void make_empty(void) {
    write_text("");
}

static void make_noise(void) {
    write_text("no key at all\n");
}

static void make_broken(void) {
    write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
}

static void make_private(void) {
    write_other(EVP_RSA_gen(2048), NULL);
}

static void make_readable(void) {
    make_private();
    assert_int_equal(chmod(other_path, 0640), 0);
}

static void make_executable(void) {
    make_private();
    assert_int_equal(chmod(other_path, 0601), 0);
}

static void make_encrypted(void) {
    write_other(EVP_RSA_gen(2048), "secret");
}

static void make_elliptic(void) {
    write_other(EVP_EC_gen("P-256"), NULL);
}

static void make_short(void) {
    write_other(EVP_RSA_gen(1024), NULL);
}

static void make_exponent_three(void) {
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
}

static void make_public(EVP_PKEY *pkey) {
    FILE *file = fopen(other_path, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_PUBKEY(file, pkey), 1);
    fclose(file);
    assert_int_equal(chmod(other_path, 0600), 0);
    EVP_PKEY_free(pkey);
}

static void make_public_of_rsa(void) {
    make_public(EVP_RSA_gen(2048));
}

static void make_public_of_ed25519(void) {
    make_public(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
}

static void make_unreadable(void) {
    make_private();
    assert_int_equal(chmod(other_path, 0), 0);
}

#define READ_PRIVATE col_key_read_private
#define READ_PUBLIC col_key_read_public
#define REMEDY "name a file that this user may read, or make a pair with `colonnade keygen`"

static const struct {
    col_result (*read)(const char *path, col_key **key);
    void (*make)(void);
    const char *error;  ///< behind the path; `$` is the path
} mistakes[] = {
    {READ_PRIVATE, make_nothing, "cannot read the private key: No such file or directory: " REMEDY},
    {READ_PRIVATE, make_unreadable, "cannot read the private key: Permission denied: " REMEDY},
    {READ_PRIVATE, make_directory, "is not a file: name the PEM file of a private key"},
    {READ_PRIVATE, make_empty, "no private key in PEM form: make a pair with `colonnade keygen`"},
    {READ_PRIVATE, make_noise, "no private key in PEM form: make a pair with `colonnade keygen`"},
    {READ_PRIVATE, make_broken, "no private key in PEM form: make a pair with `colonnade keygen`"},
    {READ_PRIVATE, make_public_of_rsa,
     "no private key in PEM form: make a pair with `colonnade keygen`"},
    {READ_PRIVATE, make_readable,
     "this private key is open to others (mode 0640): run `chmod 600 $`"},
    {READ_PRIVATE, make_executable,
     "this private key is open to others (mode 0601): run `chmod 600 $`"},
    {READ_PRIVATE, make_encrypted,
     "this private key is encrypted: decrypt it with `openssl pkey -in $ -out KEY` and protect the "
     "file instead"},
    {READ_PRIVATE, make_elliptic,
     "this private key is of type EC, and only RSA is supported: make a pair with `colonnade "
     "keygen`"},
    {READ_PRIVATE, make_short, "this RSA key has 1024 bits: use one of 2048, 3072 or 4096 bits"},
    {READ_PRIVATE, make_exponent_three,
     "the public exponent of this RSA key is not 65537: make a pair with `colonnade keygen` or "
     "`openssl genrsa`"},
    {READ_PUBLIC, make_nothing, "cannot read the public key: No such file or directory: " REMEDY},
    {READ_PUBLIC, make_directory,
     "no public key in PEM form: export one with `openssl pkey -in PRIVATE -pubout`"},
    {READ_PUBLIC, make_empty,
     "no public key in PEM form: export one with `openssl pkey -in PRIVATE -pubout`"},
    {READ_PUBLIC, make_private,
     "no public key in PEM form: export one with `openssl pkey -in PRIVATE -pubout`"},
    {READ_PUBLIC, make_public_of_ed25519,
     "this public key is of type ED25519, and only RSA is supported: make a pair with `colonnade "
     "keygen`"},
};

static void expect_text(const char *behind_path, const char *path, char *expected, size_t size) {
    size_t used = (size_t)snprintf(expected, size, "%s: ", path);
    for (const char *at = behind_path; *at != 0; at++) {
        used += (size_t)snprintf(expected + used, size - used, "%.*s", *at == '$' ? 96 : 1,
                                 *at == '$' ? path : at);
    }
}

/// As a user whom file modes bind.
static col_result read_as_ordinary_user(col_result (*read)(const char *, col_key **)) {
    const bool root = geteuid() == 0;
    col_key *key = NULL;
    if (root) assert_int_equal(seteuid(65534), 0);
    const col_result result = read(other_path, &key);
    if (root) assert_int_equal(seteuid(0), 0);
    return result;
}

static void each_mistake_with_a_key_file_is_told_with_its_remedy(void **state) {
    (void)state;
    assert_int_equal(chmod(directory, 0755), 0);
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        mistakes[i].make();
        char expected[512];
        expect_text(mistakes[i].error, other_path, expected, sizeof expected);
        col_key *key = NULL;
        const col_result result = mistakes[i].make == make_unreadable
                                      ? read_as_ordinary_user(mistakes[i].read)
                                      : mistakes[i].read(other_path, &key);
        assert_false(result.ok);
        assert_string_equal(result.text, expected);
        remove(other_path);
    }
}

static void a_pair_that_cannot_be_made_is_told_with_the_remedy(void **state) {
    (void)state;
    col_result result = col_key_generate(1024, private_path, public_path);
    assert_string_equal(result.text, "an RSA key of 1024 bits: choose 2048, 3072 or 4096");
    result = col_key_generate(2048, "/nonexistent/key.pem", public_path);
    assert_string_equal(result.text,
                        "/nonexistent/key.pem: cannot write the private key: No such file or "
                        "directory: name a directory that this user may write");
    result = col_key_generate(2048, private_path, "/nonexistent/key.pub");
    assert_string_equal(result.text,
                        "/nonexistent/key.pub: cannot write the public key: No such file or "
                        "directory: name a directory that this user may write");
    assert_int_equal(access(private_path, F_OK), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_generated_pair_is_read_back_and_has_one_fingerprint),
        cmocka_unit_test(two_pairs_have_different_fingerprints),
        cmocka_unit_test(a_key_file_is_never_overwritten_and_half_a_pair_is_not_left),
        cmocka_unit_test(each_mistake_with_a_key_file_is_told_with_its_remedy),
        cmocka_unit_test(a_pair_that_cannot_be_made_is_told_with_the_remedy),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
