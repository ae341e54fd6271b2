// SPDX-License-Identifier: Apache-2.0
// One ordering instance against everybody else: any sequence of verified messages, clients'
// requests, outcomes, checkpoints and ticks. The instance votes once per slot, commits only what q
// replicas committed, COMMITs only what is prepared, and hands over every round once, in order.
#include "tests/fuzz/votes.h"
#include "tests/unit/pbft/harness.h"

#define BATCHES 5
#define CLAIMS 512
#define SESSIONS 8
#define RAW_BYTES 600

/// Who vouched for one value at one slot, as far as this replica was told.
typedef struct {
    uint64_t round;
    col_value value;
    uint32_t prepares;
    uint32_t commits;
    bool proposed;  ///< the primary's PRE-PREPARE
} claim;

typedef struct {
    uint64_t id;
    uint64_t last;
} open_one;

typedef struct {
    subject *s;
    col_reader input;
    uint32_t quorum;
    fuzz_voter voter;
    claim claim[CLAIMS];
    uint32_t claims;
    uint64_t delivered;  ///< round
    uint64_t executed;   ///< round
    uint64_t stable;
    uint64_t sessions_given;
    open_one session[SESSIONS];
    test_batch batch[BATCHES];
    col_pbft_figures before;
} scene;

// Claims

static claim *claim_of(scene *s, uint64_t round, const col_value *value) {
    for (uint32_t i = 0; i < s->claims; i++) {
        claim *at = &s->claim[i];
        if (at->round == round && col_value_equal(&at->value, value)) return at;
    }
    COL_ASSERT(s->claims < CLAIMS);
    claim *made = &s->claim[s->claims++];
    *made = (claim){.round = round, .value = *value};
    return made;
}

static void told(scene *s, uint8_t type, uint32_t sender, uint64_t round, const col_value *value) {
    claim *at = claim_of(s, round, value);
    if (type == COL_PRE_PREPARE && sender == primary_of(s->s)) at->proposed = true;
    if (type == COL_PREPARE && sender != primary_of(s->s)) at->prepares |= 1u << sender;
    if (type == COL_COMMIT) at->commits |= 1u << sender;
}

static uint32_t members(uint32_t set) {
    return (uint32_t)__builtin_popcount(set);
}

/// What the instance just sent.
static void check_sent(scene *s) {
    for (uint32_t i = 0; i < s->s->sent_count; i++) {
        const col_header *header = &s->s->sent[i].header;
        fuzz_voter_sends(&s->voter, header, &s->s->options, s->before.stable,
                         figures_of(s->s).stable);
        if (fuzz_vote_of(header->type) < 0) continue;
        const col_value value = {header->digest, header->run};
        const uint64_t round = col_round_of(header->sequence, s->s->options.pillars);
        const uint32_t self = s->s->options.self;
        const claim *at = claim_of(s, round, &value);
        if (header->type == COL_PREPARE) COL_ASSERT(at->proposed && self != primary_of(s->s));
        told(s, header->type, self, round, &value);
        if (header->type == COL_PRE_PREPARE) COL_ASSERT(self == primary_of(s->s));
        if (header->type == COL_COMMIT) COL_ASSERT(members(at->prepares) >= s->quorum - 1);
    }
    forget_sent(s->s);
}

static void check_figures(scene *s) {
    const col_pbft_figures now = figures_of(s->s);
    COL_ASSERT(now.stable >= s->before.stable && now.executed >= s->before.executed);
    COL_ASSERT(now.highest >= s->before.highest && now.committed >= s->before.committed);
    COL_ASSERT(now.pending <= s->s->options.pending_max);
    s->before = now;
}

static void check_run(const scene *s, const col_committed *committed) {
    const uint64_t last = committed->round + committed->run - 1;
    bool vouched = false;
    for (uint32_t i = 0; i < s->claims; i++) {
        const claim *at = &s->claim[i];
        vouched |= at->value.run > 0 && at->round <= committed->round &&
                   at->round + at->value.run - 1 == last && members(at->commits) >= s->quorum;
    }
    COL_ASSERT(vouched);
}

static void check_batch(scene *s, const col_committed *committed) {
    col_batch_check check;
    harness_check_batch(&s->s->options, (col_bytes){committed->body, committed->length}, &check);
    COL_ASSERT(check.well_formed);
    const col_value value = {.digest = check.digest};
    COL_ASSERT(members(claim_of(s, committed->round, &value)->commits) >= s->quorum);
}

static void deliver_committed(scene *s) {
    col_committed committed;
    while (next_committed(s->s, &committed)) {
        COL_ASSERT(committed.round == s->delivered + 1);
        if (committed.run > 0) {
            check_run(s, &committed);
        } else {
            check_batch(s, &committed);
        }
        s->delivered += committed.run > 0 ? committed.run : 1;
    }
}

// Events of the input

/// Rounds around the window, or any.
static uint64_t some_round(scene *s) {
    const uint64_t number = fuzz_number(&s->input);
    return number > UINT8_MAX ? number : s->stable * s->s->options.checkpoint_interval + number;
}

static const test_batch *some_batch(scene *s) {
    return &s->batch[fuzz_below(&s->input, BATCHES)];
}

/// A value that somebody could name at `round`: a batch of the input's, what the instance itself
/// said there, a null run, or nonsense.
static col_value some_value(scene *s, uint64_t round) {
    const uint8_t what = col_read_u8(&s->input);
    const fuzz_said *said = &s->voter.slot[round % FUZZ_SAID_SLOTS];
    for (int vote = 0; what < 64 && vote < FUZZ_VOTES; vote++) {
        if (said->said[vote]) return said->value[vote];
    }
    if (what < 192) return s->batch[what % BATCHES].value;
    if (what < 250) return null_run((uint8_t)(1 + what % COL_RUN_MAX));
    col_value value = null_run((uint8_t)(what - 250));
    value.digest.byte[0] ^= 1;
    return value;
}

static uint32_t some_sender(scene *s) {
    return fuzz_below(&s->input, s->s->options.replicas);
}

static void hear_vote(scene *s, uint8_t type, uint32_t sender, uint64_t round,
                      const col_value *value) {
    told(s, type, sender, round, value);
    (void)vote_from(s->s, type, sender, round, value);
}

static void on_vote(scene *s) {
    static const uint8_t types[] = {COL_PRE_PREPARE, COL_PREPARE, COL_COMMIT};
    const uint8_t type = types[fuzz_below(&s->input, 3)];
    const uint32_t sender = some_sender(s);
    const uint64_t round = some_round(s);
    const col_value value = some_value(s, round);
    if (sender != s->s->options.self) hear_vote(s, type, sender, round, &value);
}

/// All others, or some, agree on a value, with or without its body.
static void on_agreement(scene *s) {
    const uint64_t round = some_round(s);
    const col_value value = some_value(s, round);
    const uint8_t parts = col_read_u8(&s->input);
    for (uint32_t r = 0; r < s->s->options.replicas; r++) {
        if (r == s->s->options.self || (parts >> 3 != 0 && !(parts >> (3 + r % 5) & 1))) continue;
        if ((parts & 1) && r == primary_of(s->s)) hear_vote(s, COL_PRE_PREPARE, r, round, &value);
        if ((parts & 2) && r != primary_of(s->s)) hear_vote(s, COL_PREPARE, r, round, &value);
        if (parts & 4) hear_vote(s, COL_COMMIT, r, round, &value);
    }
}

static void on_batch(scene *s) {
    const uint64_t round = some_round(s);
    const uint32_t sender = fuzz_below(&s->input, 4) == 0 ? some_sender(s) : primary_of(s->s);
    if (sender == s->s->options.self) return;
    (void)batch_from(s->s, sender, round, some_batch(s));
}

static void on_request(scene *s) {
    client_message message;
    const uint32_t client = fuzz_below(&s->input, s->s->options.clients);
    uint64_t session = s->session[fuzz_below(&s->input, SESSIONS)].id;
    session += fuzz_below(&s->input, 3) * s->s->options.pillars;
    const uint64_t number = 1 + fuzz_number(&s->input);
    const col_bytes operation = fuzz_bytes(&s->input, 32);
    make_request(&message, s->s->options.pillar, client, session, number == 0 ? 1 : number,
                 operation);
    const uint8_t tree = col_read_u8(&s->input);
    const uint16_t leaves = (uint16_t)(1 + tree % 8);
    message.verified.seal.length =
        client_seal(client, tree, leaves, (uint16_t)(number % leaves), false, message.seal);
    if (fuzz_below(&s->input, 8) == 1) message.verified.message.header.fragments = 3;
    (void)step(s->s, (col_pbft_event){.kind = COL_PBFT_MESSAGE, .verified = &message.verified});
}

static void on_open(scene *s) {
    const uint32_t client = fuzz_below(&s->input, s->s->options.clients);
    (void)open_from(s->s, client, fuzz_number(&s->input));
}

static void on_status(scene *s) {
    static col_status_slot slot[COL_WINDOW_ROUNDS_MAX];
    col_status status = {.view = fuzz_below(&s->input, 2),
                         .executed = fuzz_number(&s->input),
                         .stable = fuzz_number(&s->input)};
    const uint8_t flags = col_read_u8(&s->input);
    status.pending = flags & 1;
    status.asks = flags >> 1 & 1;
    status.count = col_read_u8(&s->input);
    for (uint16_t i = 0; i < status.count; i++) {
        slot[i].flags = col_read_u8(&s->input) & 7;
        slot[i].prepares = col_read_u8(&s->input);
        slot[i].commits = col_read_u8(&s->input);
    }
    (void)status_from(s->s, some_sender(s), &status, slot);
}

static void on_fetch(scene *s) {
    const uint16_t count = (uint16_t)(1 + fuzz_below(&s->input, COL_FETCH_ROUNDS_MAX));
    (void)fetch_from(s->s, some_sender(s), fuzz_number(&s->input), count);
}

static void on_fetched(scene *s) {
    const uint32_t sender = some_sender(s);
    const uint64_t round = some_round(s);
    const col_value value = some_value(s, round);
    const uint32_t voters = col_read_u8(&s->input) & ((1u << s->s->options.replicas) - 1);
    const uint8_t what = col_read_u8(&s->input);
    const bool forged = what & 1;
    const col_bytes body = what & 2 || value.run > 0 ? (col_bytes){0} : batch_body(some_batch(s));
    for (uint32_t r = 0; r < s->s->options.replicas; r++) {
        if (!forged && voters >> r & 1) told(s, COL_COMMIT, r, round, &value);
    }
    (void)fetched_from(s->s, sender, round, &value, voters, forged, body);
}

/// Any header and body that an opener could have verified.
static void on_anything(scene *s) {
    const uint8_t type = (uint8_t)(1 + fuzz_below(&s->input, COL_TYPE_COUNT - 1));
    const uint8_t role = col_type_role(type);
    col_header header = {.role = role,
                         .type = type,
                         .pillar = (uint8_t)fuzz_below(&s->input, 4),
                         .run = (uint8_t)fuzz_below(&s->input, COL_RUN_MAX + 1),
                         .view = fuzz_number(&s->input),
                         .sequence = fuzz_number(&s->input)};
    header.sender =
        role == COL_ROLE_CLIENT ? fuzz_below(&s->input, s->s->options.clients) : some_sender(s);
    header.digest = some_value(s, header.sequence).digest;
    const col_bytes bytes = fuzz_bytes(&s->input, RAW_BYTES);
    if (fuzz_vote_of(type) >= 0 && header.view == 0) return;  // on_vote's, which count
    (void)deliver(s->s, &header, col_type_digest_is_given(type) ? (col_bytes){0} : bytes);
}

static void on_sealed(scene *s) {
    const uint64_t round = some_round(s);
    const fuzz_said *said = &s->voter.slot[round % FUZZ_SAID_SLOTS];
    if (!said->said[FUZZ_COMMIT]) return;
    col_header header =
        vote_header(s->s, COL_COMMIT, s->s->options.self, 1, &said->value[FUZZ_COMMIT]);
    header.sequence = said->sequence;
    uint8_t room[COL_SEAL_BYTES_MAX];
    const col_verified verified = {.message = {.header = header}, .seal = seal_of(&header, room)};
    (void)step(s->s, (col_pbft_event){.kind = COL_PBFT_SEALED, .verified = &verified});
}

/// The merge executed some of what it was given.
static void on_executed(scene *s) {
    const uint64_t ahead = s->delivered - s->executed;
    if (ahead == 0) return;
    s->executed += 1 + fuzz_below(&s->input, 8) % ahead;
    executed(s->s, sequence_at(s->s, s->executed));
}

static void on_stable(scene *s) {
    s->stable += fuzz_below(&s->input, 4);
    stable(s->s, s->stable);
}

/// Something happened to the sessions, as the executed table lets it happen.
static void on_outcome(scene *s) {
    const uint32_t pillars = s->s->options.pillars;
    open_one *of = &s->session[fuzz_below(&s->input, SESSIONS)];
    const uint32_t client = fuzz_below(&s->input, s->s->options.clients);
    const uint32_t what = fuzz_below(&s->input, 8);
    if (of->last == UINT64_MAX || what == 7) {  // closed, or refused
        outcome(s->s, (col_outcome){.kind = COL_OUTCOME_REFUSED,
                                    .client = client,
                                    .number = fuzz_number(&s->input)});
    } else if (of->id == 0) {
        *of = (open_one){.id = ++s->sessions_given * pillars + s->s->options.pillar};
        open_session(s->s, client, of->id, fuzz_number(&s->input));
    } else if (what == 0) {
        outcome(s->s, (col_outcome){.kind = COL_OUTCOME_EVICTED, .session = of->id});
        *of = (open_one){0};
    } else {
        outcome(s->s, (col_outcome){
                          .kind = COL_OUTCOME_EXECUTED, .session = of->id, .number = ++of->last});
    }
}

typedef void event_fn(scene *s);

static void on_target(scene *s) {
    target(s->s, fuzz_number(&s->input) % 4096);
}

static void on_stirred(scene *s) {
    (void)step(s->s, (col_pbft_event){.kind = COL_PBFT_STIRRED});
}

static void on_time(scene *s) {
    pass(s->s, (uint64_t)col_read_u8(&s->input) * 5 * MS);
}

static void on_propose(scene *s) {
    col_pbft_settle(s->s->pbft);
}

static void on_proposal(scene *s) {
    const uint64_t round = some_round(s);
    const test_batch *batch = some_batch(s);
    if (primary_of(s->s) == s->s->options.self) return;
    told(s, COL_PRE_PREPARE, primary_of(s->s), round, &batch->value);
    (void)propose_to(s->s, round, batch);
}

static event_fn *const events[] = {
    on_vote,   on_vote,    on_agreement, on_batch,   on_proposal, on_request, on_request,
    on_open,   on_status,  on_fetch,     on_fetched, on_anything, on_sealed,  on_executed,
    on_stable, on_outcome, on_target,    on_stirred, on_time,     on_propose,
};
#define EVENTS (sizeof events / sizeof *events)

static col_pbft_options some_options(col_reader *input) {
    col_pbft_options options = backup_options();
    const uint8_t shape = col_read_u8(input);
    if (shape & 1) {
        options.replicas = 7;
        options.faults = 2;
    }
    options.self = shape >> 1 & 3;
    options.pillars = 1 + (shape >> 3 & 1);
    options.pillar = shape >> 4 & 1 & (options.pillars - 1);
    options.single_leader = shape >> 5 & 1;
    options.window = shape >> 6 & 1 ? 16 : 32;
    options.batch_requests = shape >> 7 ? 2 : 8;
    return options;
}

static void make_batches(scene *s) {
    static const char *const name[BATCHES] = {"a", "b", "c", "forged", "early"};
    const col_pbft_options *options = &s->s->options;
    for (uint32_t i = 0; i < BATCHES; i++) {
        test_batch *batch = &s->batch[i];
        batch_start(batch, options->pillar, i == 4 ? WALL + 5000 * MS : WALL + i);
        batch->seal = i == 3 ? SEAL_FORGED : SEAL_GOOD;
        for (uint32_t n = 0; n <= i % 3; n++) {
            batch_add_request(batch, 1, options->pillars + options->pillar, n + 1, name[i]);
        }
        batch_finish(batch);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static scene scene_of;
    scene *s = &scene_of;
    memset(s, 0, sizeof *s);
    s->input = fuzz_input(data, size);
    const col_pbft_options options = some_options(&s->input);
    s->s = subject_open(options);
    s->quorum = (options.replicas + options.faults + 2) / 2;
    make_batches(s);
    // Claims are bounded, and an event makes two at most.
    while (fuzz_more(&s->input) && s->claims + 80 < CLAIMS) {
        events[fuzz_below(&s->input, EVENTS)](s);
        check_sent(s);
        deliver_committed(s);
        check_figures(s);
    }
    subject_close(s->s);
    return 0;
}
