// SPDX-License-Identifier: Apache-2.0
#include "src/config/profile.h"

#include <inttypes.h>
#include <stdlib.h>

#include "src/base/assert.h"
#include "src/config/yaml.h"

#define MTU_MIN 1500
#define MTU_MAX 9000

/// Buffers: below, receive and transmit queues leave none to work with; above, they only add delay.
#define BUFFERS_MIN 256
#define BUFFERS_MAX 262144

#define MEMORY_MIN_MB 8
#define MEMORY_MAX_MB 65536

/// Core numbers, whatever the machine: rejects typing errors before comparing with it.
#define CORES_MAX 4096

// ---- The keys ----

enum { DESCRIPTION, IDLE, PORT, SIGNING_DEVICE, THREADS, FILE_KEYS };

static const char *const idle_words[] = {"block", "busy", NULL};
static_assert(COL_IDLE_BLOCK == 0 && COL_IDLE_BUSY == 1, "order of idle_words");

static const col_yaml_key file_keys[FILE_KEYS] = {
    [DESCRIPTION] = {.key = "description",
                     .kind = COL_YAML_TEXT,
                     COL_YAML_MEMBER(col_profile, description)},
    [IDLE] = {.key = "idle",
              .kind = COL_YAML_CHOICE,
              COL_YAML_MEMBER(col_profile, idle),
              .choices = idle_words},
    [PORT] = {.key = "port", .kind = COL_YAML_NODE},
    [SIGNING_DEVICE] = {.key = "signing_device",
                        .kind = COL_YAML_TEXT,
                        COL_YAML_MEMBER(col_profile, signing_device),
                        .minimum = 1},
    [THREADS] = {.key = "threads",
                 .kind = COL_YAML_NODE,
                 .example = "[{stages: [receiver, pillars, signer, merge, transmit]}]"},
};

enum { MTU, BUFFERS, HUGEPAGES, MEMORY_MB, CHECK_UDP_CHECKSUM, PORT_KEYS };

static const col_yaml_key port_keys[PORT_KEYS] = {
    [MTU] = {.key = "mtu",
             .kind = COL_YAML_NUMBER,
             COL_YAML_MEMBER(col_profile, mtu),
             .minimum = MTU_MIN,
             .maximum = MTU_MAX},
    [BUFFERS] = {.key = "buffers",
                 .kind = COL_YAML_NUMBER,
                 COL_YAML_MEMBER(col_profile, buffers),
                 .minimum = BUFFERS_MIN,
                 .maximum = BUFFERS_MAX},
    [HUGEPAGES] = {.key = "hugepages",
                   .kind = COL_YAML_CHOICE,
                   COL_YAML_MEMBER(col_profile, hugepages),
                   .choices = col_yaml_flag},
    [MEMORY_MB] = {.key = "memory_mb",
                   .kind = COL_YAML_NUMBER,
                   COL_YAML_MEMBER(col_profile, memory_mb),
                   .minimum = MEMORY_MIN_MB,
                   .maximum = MEMORY_MAX_MB},
    [CHECK_UDP_CHECKSUM] = {.key = "check_udp_checksum",
                            .kind = COL_YAML_CHOICE,
                            COL_YAML_MEMBER(col_profile, check_udp_checksum),
                            .choices = col_yaml_flag},
};

enum { STAGES, COUNT, CORES, THREAD_KEYS };

static const col_yaml_key thread_keys[THREAD_KEYS] = {
    [STAGES] = {.key = "stages", .kind = COL_YAML_NODE, .example = "[pillars, signer]"},
    [COUNT] = {.key = "count", .kind = COL_YAML_NODE},
    [CORES] = {.key = "cores", .kind = COL_YAML_NODE},
};

/// The words of col_place: word i is bit i.
static const char *const stage_words[] = {"receiver", "pillars",  "signer",
                                          "merge",    "transmit", NULL};
#define STAGE_WORDS 5
static_assert(COL_PLACE_TRANSMIT == 1 << (STAGE_WORDS - 1), "order of stage_words");

/// Stages of which a replica has exactly one.
#define SINGLE_STAGES (COL_PLACE_RECEIVER | COL_PLACE_MERGE | COL_PLACE_TRANSMIT)

/// A file on its way to becoming a profile: the lines are for rules between keys.
typedef struct {
    const col_yaml *yaml;
    col_profile *profile;
    uint32_t machine_cores;
    uint32_t threads_line;
    uint32_t count_line[COL_LOOPS_MAX];
    uint32_t stages_line[COL_LOOPS_MAX];
} col_draft;

// ---- One thread entry ----

static col_result read_stages(col_draft *draft, const col_yaml_node *list,
                              col_profile_thread *thread) {
    uint32_t count;
    COL_TRY(col_yaml_list(draft->yaml, list, "stages", &count));
    if (count == 0) {
        return col_yaml_error(draft->yaml, col_yaml_line(list),
                              "stages is empty: name a stage, or remove the thread");
    }
    for (uint32_t i = 0; i < count; i++) {
        const col_yaml_node *item = col_yaml_item(draft->yaml, list, i);
        uint32_t word;
        COL_TRY(col_yaml_choice(draft->yaml, item, "a stage", stage_words, &word));
        if (thread->stages >> word & 1) {
            return col_yaml_error(draft->yaml, col_yaml_line(item),
                                  "%s stands twice in the same thread: remove one",
                                  stage_words[word]);
        }
        thread->stages |= 1u << word;
    }
    return col_ok();
}

static col_result read_count(const col_draft *draft, const col_yaml_node *node, uint32_t *count) {
    *count = 1;
    if (!node) return col_ok();
    if (col_yaml_is(node, "per-pillar")) {
        *count = COL_COUNT_PER_PILLAR;
        return col_ok();
    }
    uint64_t number;
    const col_result result =
        col_yaml_number(draft->yaml, node, "count", 1, COL_PILLARS_MAX, &number);
    if (!result.ok) return col_error("%s, or per-pillar", result.text);
    *count = (uint32_t)number;
    return col_ok();
}

static col_result read_core(const col_draft *draft, const col_yaml_node *node, uint32_t *core) {
    uint64_t number;
    COL_TRY(col_yaml_number(draft->yaml, node, "core", 0, CORES_MAX - 1, &number));
    *core = (uint32_t)number;
    if (*core < draft->machine_cores) return col_ok();
    return col_yaml_error(draft->yaml, col_yaml_line(node),
                          "core is %u and this machine has %u cores, 0 .. %u: use one of those, or "
                          "remove cores to run anywhere",
                          *core, draft->machine_cores, draft->machine_cores - 1);
}

static col_result read_cores(const col_draft *draft, const col_yaml_node *list,
                             col_profile_thread *thread) {
    if (!list) return col_ok();
    uint32_t count;
    COL_TRY(col_yaml_list(draft->yaml, list, "cores", &count));
    const uint32_t loops = thread->count == COL_COUNT_PER_PILLAR ? COL_PILLARS_MAX : thread->count;
    if (count == 0 || count > loops) {
        return col_yaml_error(draft->yaml, col_yaml_line(list),
                              "cores names %u cores for %u threads: name 1 .. %u, or remove cores "
                              "to run anywhere",
                              count, loops, loops);
    }
    thread->cores = count;
    for (uint32_t i = 0; i < count; i++) {
        COL_TRY(read_core(draft, col_yaml_item(draft->yaml, list, i), &thread->core[i]));
    }
    return col_ok();
}

static col_result read_thread(col_draft *draft, const col_yaml_node *node, uint32_t i) {
    col_yaml_found found[THREAD_KEYS];
    COL_TRY(col_yaml_mapping(draft->yaml, node, "a thread", thread_keys, THREAD_KEYS, NULL, found));
    draft->stages_line[i] = found[STAGES].line;
    draft->count_line[i] = found[COUNT].value ? found[COUNT].line : found[STAGES].line;

    col_profile_thread *thread = &draft->profile->thread[i];
    COL_TRY(read_stages(draft, found[STAGES].value, thread));
    COL_TRY(read_count(draft, found[COUNT].value, &thread->count));
    return read_cores(draft, found[CORES].value, thread);
}

static col_result read_threads(col_draft *draft, const col_yaml_node *list) {
    uint32_t count;
    COL_TRY(col_yaml_list(draft->yaml, list, "threads", &count));
    if (count > COL_LOOPS_MAX) {
        return col_yaml_error(draft->yaml, draft->threads_line,
                              "threads has %u entries: it may have %d; remove %u", count,
                              COL_LOOPS_MAX, count - COL_LOOPS_MAX);
    }
    draft->profile->threads = count;
    for (uint32_t i = 0; i < count; i++) {
        COL_TRY(read_thread(draft, col_yaml_item(draft->yaml, list, i), i));
    }
    return col_ok();
}

// ---- Rules between keys ----

/// Exactly one entry has the stage, where exactly one may; one at least, for the signer.
static col_result check_stage(const col_draft *draft, uint32_t word) {
    const uint32_t stage = 1u << word;
    const col_profile *profile = draft->profile;
    uint32_t first = COL_LOOPS_MAX;
    for (uint32_t i = 0; i < profile->threads; i++) {
        if (!(profile->thread[i].stages & stage)) continue;
        if (first != COL_LOOPS_MAX && stage != COL_PLACE_SIGNER) {
            return col_yaml_error(draft->yaml, draft->stages_line[i],
                                  "%s stands in line %u already: name it in one thread only",
                                  stage_words[word], draft->stages_line[first]);
        }
        first = i;
    }
    if (first != COL_LOOPS_MAX) return col_ok();
    return col_yaml_error(draft->yaml, draft->threads_line,
                          "no thread runs %s: add it to the stages of one", stage_words[word]);
}

static col_result check_single(const col_draft *draft, uint32_t i) {
    const col_profile_thread *thread = &draft->profile->thread[i];
    if (thread->count == 1) return col_ok();
    for (uint32_t word = 0; word < STAGE_WORDS; word++) {
        if (!(thread->stages & 1u << word & SINGLE_STAGES)) continue;
        return col_yaml_error(draft->yaml, draft->count_line[i],
                              "count is not 1 and the thread runs %s, of which there is one: "
                              "remove count, or give %s a thread of its own",
                              stage_words[word], stage_words[word]);
    }
    return col_ok();
}

static col_result check_loops(const col_draft *draft) {
    uint32_t loops = 0;
    for (uint32_t i = 0; i < draft->profile->threads; i++) {
        const uint32_t count = draft->profile->thread[i].count;
        loops += count == COL_COUNT_PER_PILLAR ? COL_PILLARS_MAX : count;
    }
    if (loops <= COL_LOOPS_MAX) return col_ok();
    return col_yaml_error(draft->yaml, draft->threads_line,
                          "the entries make up to %u threads (per-pillar counts as %d): a replica "
                          "has %d at most; lower a count",
                          loops, COL_PILLARS_MAX, COL_LOOPS_MAX);
}

/// A rule of the possible: each buffer holds a frame of the MTU.
static col_result check_memory(const col_draft *draft, const col_yaml_found *port_key) {
    const col_profile *profile = draft->profile;
    const uint64_t mb = UINT64_C(1) << 20;
    const uint64_t needed = ((uint64_t)profile->buffers * profile->mtu + mb - 1) / mb;
    if (profile->memory_mb >= needed) return col_ok();
    const uint32_t line =
        port_key[MEMORY_MB].value ? port_key[MEMORY_MB].line : port_key[BUFFERS].line;
    // Twice: buffers also have heads and room for alignment, and the network its own structures.
    return col_yaml_error(draft->yaml, line,
                          "memory_mb is %u and buffers is %u: frames of mtu %u alone take %" PRIu64
                          " MB; try memory_mb: %" PRIu64,
                          profile->memory_mb, profile->buffers, profile->mtu, needed, 2 * needed);
}

static col_result check(const col_draft *draft) {
    for (uint32_t word = 0; word < STAGE_WORDS; word++) COL_TRY(check_stage(draft, word));
    for (uint32_t i = 0; i < draft->profile->threads; i++) COL_TRY(check_single(draft, i));
    return check_loops(draft);
}

// ---- The file ----

static col_result read_file(col_draft *draft) {
    col_yaml_found top[FILE_KEYS];
    COL_TRY(col_yaml_mapping(draft->yaml, col_yaml_root(draft->yaml), "the profile", file_keys,
                             FILE_KEYS, draft->profile, top));
    if (top[PORT].value) {
        col_yaml_found port_key[PORT_KEYS];
        COL_TRY(col_yaml_mapping(draft->yaml, top[PORT].value, "port", port_keys, PORT_KEYS,
                                 draft->profile, port_key));
        COL_TRY(check_memory(draft, port_key));
    }
    draft->threads_line = top[THREADS].line;
    COL_TRY(read_threads(draft, top[THREADS].value));
    return check(draft);
}

static col_profile *profile_of_defaults(void) {
    col_profile *profile = calloc(1, sizeof *profile);
    COL_ASSERT(profile);
    profile->idle = COL_IDLE_BLOCK;
    profile->mtu = 9000;
    profile->buffers = 512;
    profile->memory_mb = 32;
    return profile;
}

col_result col_profile_read(const char *path, uint32_t cores, col_profile **out) {
    if (strlen(path) >= COL_PATH_MAX) {
        return col_error("%.200s...: a path may have %d characters: use a shorter one", path,
                         COL_PATH_MAX - 1);
    }
    col_yaml *yaml;
    COL_TRY(col_yaml_open(path, "name a tuning profile, such as tuning/small.yaml", &yaml));
    col_draft draft = {.yaml = yaml, .profile = profile_of_defaults(), .machine_cores = cores};
    memcpy(draft.profile->path, path, strlen(path) + 1);
    const col_result result = read_file(&draft);
    col_yaml_close(yaml);
    if (result.ok) {
        *out = draft.profile;
    } else {
        col_profile_destroy(draft.profile);
    }
    return result;
}

void col_profile_destroy(col_profile *profile) {
    free(profile);
}
