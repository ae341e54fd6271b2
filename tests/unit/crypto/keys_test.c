// SPDX-License-Identifier: Apache-2.0
#include "crypto/keys.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
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

/// The same one each time: making them takes long.
static EVP_PKEY *rsa(void) {
    static EVP_PKEY *made;
    if (!made) made = EVP_RSA_gen(2048);
    assert_int_equal(EVP_PKEY_up_ref(made), 1);
    return made;
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

/// Read a generated pair as its scheme: one key, in all that both halves say.
static void assert_pair(col_scheme scheme, uint32_t signature_bytes) {
    col_key *private_key;
    col_key *public_key;
    assert_ok(col_key_read_private(private_path, scheme, &private_key));
    assert_ok(col_key_read_public(public_path, scheme, &public_key));
    assert_int_equal(col_key_scheme(private_key), scheme);
    assert_int_equal(col_key_scheme(public_key), scheme);
    assert_int_equal(col_key_signature_bytes(private_key), signature_bytes);
    assert_int_equal(col_key_signature_bytes(public_key), signature_bytes);
    col_digest a;
    col_digest b;
    col_key_fingerprint(private_key, &a);
    col_key_fingerprint(public_key, &b);
    assert_memory_equal(a.byte, b.byte, 32);
    assert_ok(col_key_read_fingerprint(public_path, scheme, &b));
    assert_memory_equal(a.byte, b.byte, 32);
    col_key_destroy(private_key);
    col_key_destroy(public_key);
}

static void a_generated_pair_is_read_back_and_has_one_fingerprint(void **state) {
    (void)state;
    const struct {
        col_scheme scheme;
        uint32_t bits, signature_bytes;
    } made[] = {{COL_SCHEME_RSA, 2048, 256},
                {COL_SCHEME_RSA, 3072, 384},
                {COL_SCHEME_ED25519, 0, 64},
                {COL_SCHEME_ECDSA_P256, 0, 64}};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        assert_ok(col_key_generate(made[i].scheme, made[i].bits, private_path, public_path));
        struct stat status;
        assert_int_equal(stat(private_path, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
        assert_pair(made[i].scheme, made[i].signature_bytes);
        unlink(private_path);
        unlink(public_path);
        col_digest fingerprint;
        assert_false(col_key_read_fingerprint(public_path, made[i].scheme, &fingerprint).ok);
    }
}

static void two_pairs_have_different_fingerprints(void **state) {
    (void)state;
    col_digest fingerprint[2];
    for (int i = 0; i < 2; i++) {
        assert_ok(col_key_generate(COL_SCHEME_RSA, 2048, private_path, public_path));
        col_key *key;
        assert_ok(col_key_read_public(public_path, COL_SCHEME_RSA, &key));
        col_key_fingerprint(key, &fingerprint[i]);
        col_key_destroy(key);
        unlink(private_path);
        unlink(public_path);
    }
    assert_memory_not_equal(fingerprint[0].byte, fingerprint[1].byte, 32);
}

static void a_key_file_is_never_overwritten_and_half_a_pair_is_not_left(void **state) {
    (void)state;
    assert_ok(col_key_generate(COL_SCHEME_RSA, 2048, private_path, public_path));
    assert_error(col_key_generate(COL_SCHEME_RSA, 2048, private_path, other_path), private_path,
                 "move it away");
    assert_int_equal(access(other_path, F_OK), -1);
    assert_error(col_key_generate(COL_SCHEME_RSA, 2048, other_path, public_path), public_path,
                 "move it away");
    assert_int_equal(access(other_path, F_OK), -1);
    col_key *key;
    assert_ok(col_key_read_private(private_path, COL_SCHEME_RSA, &key));
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
    write_other(rsa(), NULL);
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
    write_other(rsa(), "secret");
}

static EVP_PKEY *p256(void) {
    return EVP_EC_gen("P-256");
}

static EVP_PKEY *ed25519(void) {
    return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

static void make_p256(void) {
    write_other(p256(), NULL);
}

static void make_p384(void) {
    write_other(EVP_EC_gen("P-384"), NULL);
}

static void make_ed25519(void) {
    write_other(ed25519(), NULL);
}

static void make_ed448(void) {
    write_other(EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), NULL);
}

/// One key's private half and another's public one.
static void make_mixed(void) {
    EVP_PKEY *one = p256();
    EVP_PKEY *other = p256();
    BIGNUM *secret = NULL;
    uint8_t point[65];
    size_t length;
    assert_int_equal(EVP_PKEY_get_bn_param(one, OSSL_PKEY_PARAM_PRIV_KEY, &secret), 1);
    assert_int_equal(EVP_PKEY_get_octet_string_param(other, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY,
                                                     point, sizeof point, &length),
                     1);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, secret);
    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, length);
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *mixed = NULL;
    assert_true(EVP_PKEY_fromdata_init(context) == 1 &&
                EVP_PKEY_fromdata(context, &mixed, EVP_PKEY_KEYPAIR, parameters) == 1);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(build);
    BN_clear_free(secret);
    EVP_PKEY_free(one);
    EVP_PKEY_free(other);
    write_other(mixed, NULL);
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
    make_public(rsa());
}

static void make_public_of_p256(void) {
    make_public(p256());
}

static void make_public_of_p384(void) {
    make_public(EVP_EC_gen("P-384"));
}

static void make_public_of_ed25519(void) {
    make_public(ed25519());
}

/// A SubjectPublicKeyInfo of P-256 with this point.
static void write_point(const char *point) {
    char text[256];
    snprintf(text, sizeof text, "-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n",
             point);
    write_text(text);
}

static void make_point_at_infinity(void) {
    write_point("MBkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDAgAA");
}

static void make_point_off_the_curve(void) {
    write_point(
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"
        "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ==");
}

static void make_unreadable(void) {
    make_private();
    assert_int_equal(chmod(other_path, 0), 0);
}

#define READ_PRIVATE col_key_read_private, COL_SCHEME_RSA
#define READ_PUBLIC col_key_read_public, COL_SCHEME_RSA
#define PRIVATE_ED25519 col_key_read_private, COL_SCHEME_ED25519
#define PUBLIC_ED25519 col_key_read_public, COL_SCHEME_ED25519
#define PRIVATE_ECDSA col_key_read_private, COL_SCHEME_ECDSA_P256
#define PUBLIC_ECDSA col_key_read_public, COL_SCHEME_ECDSA_P256
#define PRIVATE_HMAC col_key_read_private, COL_SCHEME_HMAC
#define REMEDY(scheme)                                                            \
    "name a file that this user may read, or make a pair with `colonnade keygen " \
    "--scheme " scheme "`"

/// What is said of a key in a place of another scheme.
#define OTHER(half, type, scheme)                                        \
    "this " half " key is of type " type ", and its place takes " scheme \
    ": make a pair with "                                                \
    "`colonnade keygen --scheme " scheme "`, or change `authentication` in the cluster file"
#define NO_PRIVATE(scheme) \
    "no private key in PEM form: make a pair with `colonnade keygen --scheme " scheme "`"
#define NO_PUBLIC "no public key in PEM form: export one with `openssl pkey -in PRIVATE -pubout`"

static const struct {
    col_result (*read)(const char *path, col_scheme scheme, col_key **key);
    col_scheme scheme;
    void (*make)(void);
    const char *error;  ///< behind the path; `$` is the path
} mistakes[] = {
    {READ_PRIVATE, make_nothing,
     "cannot read the private key: No such file or directory: " REMEDY("rsa")},
    {READ_PRIVATE, make_unreadable,
     "cannot read the private key: Permission denied: " REMEDY("rsa")},
    {READ_PRIVATE, make_directory, "is not a file: name the PEM file of a private key"},
    {READ_PRIVATE, make_empty, NO_PRIVATE("rsa")},
    {READ_PRIVATE, make_noise, NO_PRIVATE("rsa")},
    {READ_PRIVATE, make_broken, NO_PRIVATE("rsa")},
    {READ_PRIVATE, make_public_of_rsa, NO_PRIVATE("rsa")},
    {READ_PRIVATE, make_readable,
     "this private key is open to others (mode 0640): run `chmod 600 $`"},
    {READ_PRIVATE, make_executable,
     "this private key is open to others (mode 0601): run `chmod 600 $`"},
    {READ_PRIVATE, make_encrypted,
     "this private key is encrypted: decrypt it with `openssl pkey -in $ -out KEY` and protect the "
     "file instead"},
    {READ_PRIVATE, make_short, "this RSA key has 1024 bits: use one of 2048, 3072 or 4096 bits"},
    {READ_PRIVATE, make_exponent_three,
     "the public exponent of this RSA key is not 65537: make a pair with `colonnade keygen` or "
     "`openssl genrsa`"},
    {READ_PUBLIC, make_nothing,
     "cannot read the public key: No such file or directory: " REMEDY("rsa")},
    {READ_PUBLIC, make_directory, NO_PUBLIC},
    {READ_PUBLIC, make_empty, NO_PUBLIC},
    {READ_PUBLIC, make_private, NO_PUBLIC},
    {PRIVATE_HMAC, make_nothing,
     "cannot read the private key: No such file or directory: " REMEDY("hmac")},
    {PRIVATE_HMAC, make_empty, NO_PRIVATE("hmac")},
    // Every scheme in every place that is not its own.
    {READ_PRIVATE, make_p256,
     "this private key is of type EC, and its place takes rsa: make a pair with `colonnade keygen "
     "--scheme rsa`, or change `authentication` in the cluster file"},
    {READ_PRIVATE, make_ed25519, OTHER("private", "ED25519", "rsa")},
    {READ_PUBLIC, make_public_of_p256, OTHER("public", "EC", "rsa")},
    {READ_PUBLIC, make_public_of_ed25519, OTHER("public", "ED25519", "rsa")},
    {PRIVATE_ED25519, make_private, OTHER("private", "RSA", "ed25519")},
    {PRIVATE_ED25519, make_p256, OTHER("private", "EC", "ed25519")},
    {PRIVATE_ED25519, make_ed448, OTHER("private", "ED448", "ed25519")},
    {PUBLIC_ED25519, make_public_of_rsa, OTHER("public", "RSA", "ed25519")},
    {PUBLIC_ED25519, make_public_of_p256, OTHER("public", "EC", "ed25519")},
    {PRIVATE_ECDSA, make_private, OTHER("private", "RSA", "ecdsa-p256")},
    {PRIVATE_ECDSA, make_ed25519, OTHER("private", "ED25519", "ecdsa-p256")},
    {PUBLIC_ECDSA, make_public_of_rsa, OTHER("public", "RSA", "ecdsa-p256")},
    {PUBLIC_ECDSA, make_public_of_ed25519, OTHER("public", "ED25519", "ecdsa-p256")},
    {PRIVATE_ECDSA, make_p384,
     "this EC key is on the curve secp384r1 and not on P-256: make a pair with `colonnade keygen "
     "--scheme ecdsa-p256`"},
    {PUBLIC_ECDSA, make_public_of_p384,
     "this EC key is on the curve secp384r1 and not on P-256: make a pair with `colonnade keygen "
     "--scheme ecdsa-p256`"},
    {PRIVATE_ECDSA, make_mixed,
     "the public half in this private key is another key's: make a pair with `colonnade keygen "
     "--scheme ecdsa-p256`"},
    {PUBLIC_ECDSA, make_point_at_infinity,
     "the point of this EC key is the one at infinity, and everybody could sign for it: make a pair "
     "with `colonnade keygen --scheme ecdsa-p256`"},
    {PUBLIC_ECDSA, make_point_off_the_curve, NO_PUBLIC},
};

static void expect_text(const char *behind_path, const char *path, char *expected, size_t size) {
    size_t used = (size_t)snprintf(expected, size, "%s: ", path);
    for (const char *at = behind_path; *at != 0; at++) {
        used += (size_t)snprintf(expected + used, size - used, "%.*s", *at == '$' ? 96 : 1,
                                 *at == '$' ? path : at);
    }
}

/// As a user whom file modes bind.
static col_result read_as_ordinary_user(col_result (*read)(const char *, col_scheme, col_key **)) {
    const bool root = geteuid() == 0;
    col_key *key = NULL;
    if (root) assert_int_equal(seteuid(65534), 0);
    const col_result result = read(other_path, COL_SCHEME_RSA, &key);
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
                                      : mistakes[i].read(other_path, mistakes[i].scheme, &key);
        if (result.ok) fail_msg("not refused: %s", expected);
        assert_string_equal(result.text, expected);
        remove(other_path);
    }
}

static void a_keyring_says_with_what_each_side_signs(void **state) {
    (void)state;
    static const struct {
        col_scheme scheme;
        uint32_t bits;
        const char *text;
    } made[] = {{COL_SCHEME_RSA, 3072, "rsa-3072"},
                {COL_SCHEME_ED25519, 0, "ed25519"},
                {COL_SCHEME_ECDSA_P256, 0, "ecdsa-p256"}};
    for (size_t i = 0; i < 3; i++) {
        col_key *key;
        col_signatures signatures;
        assert_ok(col_key_generate(made[i].scheme, made[i].bits, private_path, public_path));
        assert_ok(col_key_read_public(public_path, made[i].scheme, &key));
        col_keyring_describe(&(col_keyring){.replicas = 1, .replica = &key}, &signatures);
        assert_string_equal(signatures.replicas, made[i].text);
        assert_string_equal(signatures.clients, "none");
        col_keyring_describe(&(col_keyring){.clients = 1, .client = &key}, &signatures);
        assert_string_equal(signatures.clients, made[i].text);
        col_key_destroy(key);
        unlink(private_path);
        unlink(public_path);
    }
}

/// A point has several encodings and a curve two; a key that is listed twice must be seen.
static void a_public_key_has_one_fingerprint_in_every_encoding(void **state) {
    (void)state;
    static const char *const form[][2] = {
        {OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed"},
        {OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed"},
        {OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "hybrid"},
        {OSSL_PKEY_PARAM_EC_ENCODING, OSSL_PKEY_EC_ENCODING_EXPLICIT},
    };
    EVP_PKEY *pkey = p256();
    col_digest fingerprint[4];
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(EVP_PKEY_set_utf8_string_param(pkey, form[i][0], form[i][1]), 1);
        assert_int_equal(EVP_PKEY_up_ref(pkey), 1);
        make_public(pkey);
        assert_ok(col_key_read_fingerprint(other_path, COL_SCHEME_ECDSA_P256, &fingerprint[i]));
        assert_memory_equal(fingerprint[i].byte, fingerprint[0].byte, 32);
    }
    EVP_PKEY_free(pkey);
}

static void a_pair_that_cannot_be_made_is_told_with_the_remedy(void **state) {
    (void)state;
    col_result result = col_key_generate(COL_SCHEME_RSA, 1024, private_path, public_path);
    assert_string_equal(result.text, "an RSA key of 1024 bits: choose 2048, 3072 or 4096");
    result = col_key_generate(COL_SCHEME_RSA, 2048, "/nonexistent/key.pem", public_path);
    assert_string_equal(result.text,
                        "/nonexistent/key.pem: cannot write the private key: No such file or "
                        "directory: name a directory that this user may write");
    result = col_key_generate(COL_SCHEME_RSA, 2048, private_path, "/nonexistent/key.pub");
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
        cmocka_unit_test(a_keyring_says_with_what_each_side_signs),
        cmocka_unit_test(a_public_key_has_one_fingerprint_in_every_encoding),
        cmocka_unit_test(a_pair_that_cannot_be_made_is_told_with_the_remedy),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
