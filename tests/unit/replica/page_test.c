// SPDX-License-Identifier: Apache-2.0
#include "src/replica/page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
// cmocka.h needs the above.
#include <cmocka.h>

static char directory[64];
static char path[96];
static col_page *page;

static int open_page(void **state) {
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/colonnade-test-XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/replica-0.page", directory);
    const col_result made = col_page_create(path, &page);
    if (!made.ok) fail_msg("%s", made.text);
    return 0;
}

static int close_page(void **state) {
    (void)state;
    col_page_close(page);
    unlink(path);
    rmdir(directory);
    return 0;
}

static col_digest digest_of(uint64_t checkpoint) {
    col_digest digest;
    for (uint32_t i = 0; i < 32; i++) digest.byte[i] = (uint8_t)(checkpoint * 31 + i);
    return digest;
}

static void put(uint64_t checkpoint) {
    const col_digest digest = digest_of(checkpoint);
    col_page_put_checkpoint(page, checkpoint, &digest, (col_bytes){digest.byte, 32});
}

static bool is_whole(const col_page_checkpoint *copy) {
    const col_digest digest = digest_of(copy->checkpoint);
    return col_digest_equal(&copy->digest, &digest) && copy->seal_bytes == 32 &&
           memcmp(copy->seal, digest.byte, 32) == 0;
}

static void a_reader_sees_what_the_replica_writes(void **state) {
    (void)state;
    const col_page *read;
    const col_result opened = col_page_open(path, &read);
    if (!opened.ok) fail_msg("%s", opened.text);
    col_count(&page->pillar[3].committed, 7);
    page->replica = 2;
    assert_int_equal(col_counter_read(&read->pillar[3].committed), 7);
    assert_int_equal(read->replica, 2);
    col_page_close(read);
}

static void the_newest_or_a_given_checkpoint_is_found(void **state) {
    (void)state;
    col_page_checkpoint copy;
    assert_false(col_page_get_checkpoint(page, 0, &copy));
    for (uint64_t c = 1; c <= 20; c++) put(c);
    assert_true(col_page_get_checkpoint(page, 0, &copy));
    assert_int_equal(copy.checkpoint, 20);
    assert_true(is_whole(&copy));
    assert_true(col_page_get_checkpoint(page, 20 - COL_PAGE_CHECKPOINTS + 1, &copy));
    assert_true(is_whole(&copy));
    assert_false(col_page_get_checkpoint(page, 20 - COL_PAGE_CHECKPOINTS, &copy));
    assert_false(col_page_get_checkpoint(page, 21, &copy));
}

static void a_checkpoint_that_is_being_written_is_not_handed_out(void **state) {
    (void)state;
    col_page_checkpoint copy;
    put(1);
    put(2);
    col_count(&page->checkpoint[2].version, 1);
    assert_false(col_page_get_checkpoint(page, 2, &copy));
    assert_true(col_page_get_checkpoint(page, 0, &copy));
    assert_int_equal(copy.checkpoint, 1);
}

static void a_seal_that_is_too_long_is_not_published(void **state) {
    (void)state;
    static const uint8_t seal[COL_SEAL_BYTES_MAX + 1];
    const col_digest digest = digest_of(1);
    col_page_checkpoint copy;
    col_page_put_checkpoint(page, 1, &digest, (col_bytes){seal, sizeof seal});
    assert_false(col_page_get_checkpoint(page, 1, &copy));
}

/// @return 0 when another process read only whole checkpoints, and the last one in the end
static int read_elsewhere(uint64_t last) {
    const col_page *read;
    if (!col_page_open(path, &read).ok) return 2;
    for (uint64_t i = 0; i < 20000000; i++) {
        col_page_checkpoint copy;
        if (!col_page_get_checkpoint(read, 0, &copy)) continue;
        if (!is_whole(&copy)) return 1;
        if (copy.checkpoint == last) return 0;
    }
    return 3;
}

static void another_process_reads_whole_checkpoints_while_they_are_written(void **state) {
    (void)state;
    const uint64_t last = 100000;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) _exit(read_elsewhere(last));
    for (uint64_t c = 1; c <= last; c++) put(c);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_new_page_does_not_disturb_who_reads_the_old_one(void **state) {
    (void)state;
    const col_page *old;
    assert_true(col_page_open(path, &old).ok);
    page->replica = 1;
    col_page_close(page);
    assert_true(col_page_create(path, &page).ok);
    assert_int_equal(page->replica, 0);
    assert_int_equal(old->replica, 1);
    col_page_close(old);
}

/// In another process: a lock is not seen by the process that holds it.
static pid_t owner_seen_by_a_child(void) {
    const pid_t child = fork();
    if (child == 0) _exit(col_page_owner(path) == getppid() ? 0 : 1);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? getpid() : 0;
}

static void a_page_names_its_owner_and_no_other_process_replaces_it(void **state) {
    (void)state;
    assert_int_equal(owner_seen_by_a_child(), getpid());
    const pid_t child = fork();
    if (child == 0) {
        char expected[256];
        snprintf(expected, sizeof expected,
                 "%s: the replica runs already, as process %d: stop that one first", path,
                 getppid());
        col_page *stolen;
        const col_result created = col_page_create(path, &stolen);
        _exit(!created.ok && strcmp(created.text, expected) == 0 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void a_page_whose_process_ended_has_no_owner(void **state) {
    (void)state;
    char other[160];
    snprintf(other, sizeof other, "%s.other", path);
    const pid_t child = fork();
    if (child == 0) {
        col_page *made;
        _exit(col_page_create(other, &made).ok ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(col_page_owner(other), 0);
    assert_int_equal(col_page_owner("/tmp/colonnade-test-nowhere/replica-9.page"), 0);
    unlink(other);
}

static void assert_refused(const char *at, const char *reason) {
    const col_page *read;
    char expected[256];
    snprintf(expected, sizeof expected, "%s: %s", at, reason);
    const col_result opened = col_page_open(at, &read);
    assert_false(opened.ok);
    assert_string_equal(opened.text, expected);
}

static void a_missing_foreign_or_truncated_page_is_refused_with_a_remedy(void **state) {
    (void)state;
    const char *foreign = "not a status page: remove it and start the replica again";
    assert_refused("/tmp/colonnade-test-nowhere/replica-9.page",
                   "no status page (No such file or directory): start the replica, or `colonnade "
                   "cluster up`");
    page->magic++;
    assert_refused(path, foreign);
    page->magic--;
    page->size++;
    assert_refused(path, foreign);
    page->size--;
    char shorter[128];
    snprintf(shorter, sizeof shorter, "%s.short", path);
    FILE *file = fopen(shorter, "w");
    assert_non_null(file);
    fputs("short", file);
    fclose(file);
    assert_refused(shorter,
                   "written by another version of colonnade: use the same version for replicas and "
                   "tools");
    unlink(shorter);
    col_page *none;
    const col_result made = col_page_create("/tmp/colonnade-test-nowhere/replica-9.page", &none);
    assert_false(made.ok);
    assert_string_equal(made.text,
                        "/tmp/colonnade-test-nowhere/replica-9.page: cannot be written (No such "
                        "file or directory): make its directory writable for this user");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_page, close_page)
    const struct CMUnitTest tests[] = {
        TEST(a_reader_sees_what_the_replica_writes),
        TEST(the_newest_or_a_given_checkpoint_is_found),
        TEST(a_checkpoint_that_is_being_written_is_not_handed_out),
        TEST(a_seal_that_is_too_long_is_not_published),
        TEST(another_process_reads_whole_checkpoints_while_they_are_written),
        TEST(a_new_page_does_not_disturb_who_reads_the_old_one),
        TEST(a_page_names_its_owner_and_no_other_process_replaces_it),
        TEST(a_page_whose_process_ended_has_no_owner),
        TEST(a_missing_foreign_or_truncated_page_is_refused_with_a_remedy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
