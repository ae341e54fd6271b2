// SPDX-License-Identifier: Apache-2.0
#include "src/config/profile.h"

#include "tests/unit/config/files.h"

#define ALL_STAGES                                                                 \
    (COL_PLACE_RECEIVER | COL_PLACE_PILLARS | COL_PLACE_SIGNER | COL_PLACE_MERGE | \
     COL_PLACE_TRANSMIT)

static const char *const good_profile =
    "description: for a test\n"
    "idle: busy\n"
    "port:\n"
    "  mtu: 1500\n"
    "  buffers: 2048\n"
    "  hugepages: true\n"
    "  memory_mb: 64\n"
    "  check_udp_checksum: true\n"
    "threads:\n"
    "  - {stages: [receiver], cores: [0]}\n"
    "  - {stages: [pillars, signer], count: per-pillar, cores: [1, 2, 3]}\n"
    "  - {stages: [signer], count: 2}\n"
    "  - stages: [merge, transmit]\n"
    "    cores: [7]\n"
    "signing_device: 0000:3d:01.0\n";

static col_profile *read_good_profile(const char *path) {
    col_profile *profile = NULL;
    const col_result result = col_profile_read(path, 8, &profile);
    if (!result.ok) fail_msg("%s", result.text);
    return profile;
}

/// One of the project's profiles.
static col_profile *read_project_profile(const char *name) {
    char path[COL_PATH_MAX];
    snprintf(path, sizeof path, COL_TUNING_DIRECTORY "/%s", name);
    return read_good_profile(path);
}

static void a_profile_gives_every_value(void **state) {
    (void)state;
    write_file("profile.yaml", good_profile);
    col_profile *profile = read_good_profile("profile.yaml");
    assert_string_equal(profile->path, "profile.yaml");
    assert_string_equal(profile->description, "for a test");
    assert_int_equal(profile->idle, COL_IDLE_BUSY);
    assert_int_equal(profile->mtu, 1500);
    assert_int_equal(profile->buffers, 2048);
    assert_true(profile->hugepages);
    assert_int_equal(profile->memory_mb, 64);
    assert_true(profile->check_udp_checksum);

    assert_int_equal(profile->threads, 4);
    const col_profile_thread *thread = profile->thread;
    assert_int_equal(thread[0].stages, COL_PLACE_RECEIVER);
    assert_int_equal(thread[0].count, 1);
    assert_int_equal(thread[0].cores, 1);
    assert_int_equal(thread[0].core[0], 0);
    assert_int_equal(thread[1].stages, COL_PLACE_PILLARS | COL_PLACE_SIGNER);
    assert_int_equal(thread[1].count, COL_COUNT_PER_PILLAR);
    assert_int_equal(thread[1].cores, 3);
    assert_int_equal(thread[1].core[2], 3);
    assert_int_equal(thread[2].stages, COL_PLACE_SIGNER);
    assert_int_equal(thread[2].count, 2);
    assert_int_equal(thread[2].cores, 0);
    assert_int_equal(thread[3].stages, COL_PLACE_MERGE | COL_PLACE_TRANSMIT);
    assert_int_equal(thread[3].core[0], 7);
    assert_string_equal(profile->signing_device, "0000:3d:01.0");
    col_profile_destroy(profile);
}

static void everything_but_threads_may_be_absent(void **state) {
    (void)state;
    write_file("profile.yaml",
               "threads: [{stages: [transmit, merge, signer, pillars, receiver]}]\n");
    col_profile *profile = read_good_profile("profile.yaml");
    assert_string_equal(profile->description, "");
    assert_int_equal(profile->idle, COL_IDLE_BLOCK);
    assert_int_equal(profile->mtu, 9000);
    assert_int_equal(profile->buffers, 512);
    assert_false(profile->hugepages);
    assert_int_equal(profile->memory_mb, 32);
    assert_false(profile->check_udp_checksum);
    assert_string_equal(profile->signing_device, "");
    assert_int_equal(profile->threads, 1);
    assert_int_equal(profile->thread[0].stages, ALL_STAGES);
    assert_int_equal(profile->thread[0].count, 1);
    col_profile_destroy(profile);
}

static void the_small_profile_is_one_thread(void **state) {
    (void)state;
    col_profile *profile = read_project_profile("small.yaml");
    assert_int_equal(profile->idle, COL_IDLE_BLOCK);
    assert_int_equal(profile->mtu, 9000);
    assert_int_equal(profile->buffers, 384);
    assert_int_equal(profile->memory_mb, 16);
    assert_int_equal(profile->threads, 1);
    assert_int_equal(profile->thread[0].stages, ALL_STAGES);
    assert_int_equal(profile->thread[0].count, 1);
    assert_int_equal(profile->thread[0].cores, 0);
    col_profile_destroy(profile);
}

static void the_threads_profile_gives_each_stage_its_own(void **state) {
    (void)state;
    col_profile *profile = read_project_profile("threads.yaml");
    assert_int_equal(profile->idle, COL_IDLE_BLOCK);
    assert_int_equal(profile->buffers, 1024);
    assert_int_equal(profile->memory_mb, 32);
    assert_int_equal(profile->threads, 5);
    const struct {
        uint32_t stages, count;
    } expected[5] = {{COL_PLACE_RECEIVER, 1},
                     {COL_PLACE_PILLARS, COL_COUNT_PER_PILLAR},
                     {COL_PLACE_SIGNER, 1},
                     {COL_PLACE_MERGE, 1},
                     {COL_PLACE_TRANSMIT, 1}};
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(profile->thread[i].stages, expected[i].stages);
        assert_int_equal(profile->thread[i].count, expected[i].count);
        assert_int_equal(profile->thread[i].cores, 0);
    }
    col_profile_destroy(profile);
}

static void a_missing_profile_is_an_error(void **state) {
    (void)state;
    col_profile *profile = NULL;
    const col_result result = col_profile_read("absent.yaml", 8, &profile);
    assert_false(result.ok);
    assert_string_equal(result.text,
                        "absent.yaml: No such file or directory: name a tuning profile, such as "
                        "tuning/small.yaml");
}

/// The good profile with `find` replaced by `by` gives exactly this error.
typedef struct {
    const char *find, *by, *error;
} mistake;

static const mistake mistakes[] = {
#include "tests/unit/config/profile_mistakes.inc"
};

static void each_mistake_gives_its_line_and_remedy(void **state) {
    (void)state;
    unsigned wrong = 0;
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        char text[TEXT_MAX];
        replace(good_profile, mistakes[i].find, mistakes[i].by, text);
        write_file("profile.yaml", text);
        col_profile *profile = NULL;
        const col_result result = col_profile_read("profile.yaml", 8, &profile);
        if (!result.ok && strcmp(result.text, mistakes[i].error) == 0) continue;
        wrong++;
        print_error("%s\n  expected: %s\n  got:      %s\n", mistakes[i].by, mistakes[i].error,
                    result.ok ? "no error" : result.text);
    }
    assert_int_equal(wrong, 0);
}

static void more_entries_than_loops_are_an_error(void **state) {
    (void)state;
    char text[TEXT_MAX] = "threads:\n";
    for (int i = 0; i < COL_LOOPS_MAX + 2; i++) {
        const size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "  - {stages: [signer]}\n");
    }
    write_file("profile.yaml", text);
    col_profile *profile = NULL;
    const col_result result = col_profile_read("profile.yaml", 8, &profile);
    assert_false(result.ok);
    assert_string_equal(result.text,
                        "profile.yaml:1: threads has 42 entries: it may have 40; remove 2");
}

int main(void) {
#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, enter_directory, leave_directory)
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(a_profile_gives_every_value),
        IN_DIRECTORY(everything_but_threads_may_be_absent),
        cmocka_unit_test(the_small_profile_is_one_thread),
        cmocka_unit_test(the_threads_profile_gives_each_stage_its_own),
        IN_DIRECTORY(a_missing_profile_is_an_error),
        IN_DIRECTORY(each_mistake_gives_its_line_and_remedy),
        IN_DIRECTORY(more_entries_than_loops_are_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
