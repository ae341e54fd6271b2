// SPDX-License-Identifier: Apache-2.0
#include "src/cli/report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>

#include "src/cli/json.h"
#include "src/cli/table.h"

/// Figures of the whole system that both outputs show.
typedef struct {
    col_reading sum;              ///< over replicas
    const col_reading *example;   ///< one replica's: for what all of them do alike
    uint32_t replicas;            ///< seen
    uint64_t user_ns, system_ns;  ///< of the replicas' CPU time
    double per_second;            ///< factor
    double per_request;           ///< factor
} figures;

static figures figures_of(const col_bench *bench) {
    figures result = {.per_second = bench->seconds > 0 ? 1 / bench->seconds : 0,
                      .per_request = bench->measured ? 1 / (double)bench->measured : 0};
    for (uint32_t i = 0; i < bench->cluster->genesis.replicas; i++) {
        const col_bench_replica *replica = &bench->replica[i];
        if (!replica->seen) continue;
        col_reading_add(&result.sum, &replica->reading);
        result.user_ns += replica->user_ns;
        result.system_ns += replica->system_ns;
        result.replicas++;
        if (!result.example || replica->reading.requests > result.example->requests)
            result.example = &replica->reading;
    }
    return result;
}

static double ratio(uint64_t a, uint64_t b) {
    return b ? (double)a / (double)b : 0;
}

static uint64_t cpu_ns(const figures *all) {
    return all->user_ns + all->system_ns;
}

static double latency_us(const col_bench *bench, double fraction) {
    return (double)col_histogram_percentile(&bench->outcome.latency_ns, fraction) / 1e3;
}

static const char *leaders_of(const col_bench *bench) {
    return bench->cluster->genesis.leaders == COL_LEADERS_SINGLE ? "single" : "rotating";
}

static void __attribute__((format(printf, 3, 4)))
fact(FILE *stream, const char *name, const char *format, ...) {
    fprintf(stream, "%-20s ", name);
    va_list values;
    va_start(values, format);
    vfprintf(stream, format, values);
    va_end(values);
    fputc('\n', stream);
}

static void print_setting(const col_bench *bench, FILE *stream) {
    const col_genesis *genesis = &bench->cluster->genesis;
    const col_load_options *load = &bench->load;
    fact(stream, "cluster", "%u replicas, %u pillars, leaders %s, batch limit %u, application %s",
         genesis->replicas, genesis->pillars, leaders_of(bench),
         bench->cluster->tunables.batch_requests, genesis->application);
    fact(stream, "signatures by", "%s of replicas, %s of clients, sessions %s (%s; SHA-256: %s)",
         bench->signatures.replicas, bench->signatures.clients, bench->signatures.sessions,
         bench->backend, bench->hasher);
    fact(stream, "profile", "%s", bench->profile);
    fact(stream, "load",
         "%u clients x %u sessions x %u outstanding, requests of %u bytes, replies of %" PRIu64,
         load->clients, load->sessions, load->outstanding, load->request_bytes,
         bench->outcome.reply_bytes);
    char rate[32], loop[64] = "closed loop";
    if (load->rate > 0) {
        col_number_format(load->rate, rate);
        snprintf(loop, sizeof loop, "%s requests/s by schedule", rate);
    }
    fact(stream, "measured", "%.1f s after %.1f s of warm-up, %s", bench->seconds, bench->warm_up_s,
         loop);
    fact(stream, "machine", "%s, %u cores, %.0f GB, %s", bench->machine.processor,
         bench->machine.cores, (double)bench->machine.memory_bytes / 1e9, bench->machine.kernel);
    fact(stream, "commit", "%s", bench->commit);
    fputc('\n', stream);
}

static void print_service(const col_bench *bench, FILE *stream) {
    char text[32];
    fact(stream, "throughput", "%s requests/s",
         col_number_format((uint64_t)((double)bench->measured / bench->seconds + 0.5), text));
    fact(stream, "latency", "p50 %.2f ms   p90 %.2f ms   p99 %.2f ms   p99.9 %.2f ms   max %.2f ms",
         latency_us(bench, 0.5) / 1e3, latency_us(bench, 0.9) / 1e3, latency_us(bench, 0.99) / 1e3,
         latency_us(bench, 0.999) / 1e3, (double)bench->outcome.latency_ns.maximum / 1e6);
    const col_load_outcome *outcome = &bench->outcome;
    fact(stream, "requests", "%s answered by f+1 matching, verified replies; %" PRIu64 " missing",
         col_number_format(outcome->answered, text), outcome->missing);
    if (outcome->still_due) {
        fact(stream, "behind", "%s requests of the schedule were not sent until the end",
             col_number_format(outcome->still_due, text));
    }
    if (outcome->missing) {
        fact(stream, "missing", "%" PRIu64 " timed out, %" PRIu64 " expired, %" PRIu64 " refused",
             outcome->timed_out, outcome->expired, outcome->refused);
    }
}

static void print_shares(const col_bench *bench, const figures *all, FILE *stream) {
    fprintf(stream, "%-20s", "share of pillars");
    for (uint32_t k = 0; k < bench->cluster->genesis.pillars; k++) {
        fprintf(stream, " %.1f %%",
                100 * ratio(all->example->requests_of[k], all->example->requests));
    }
    fputc('\n', stream);
}

static void print_costs(const col_bench *bench, const figures *all, FILE *stream) {
    const col_reading *sum = &all->sum;
    const col_client_statistics *client = &bench->outcome.statistics;
    fact(stream, "mean batch", "%.1f requests",
         ratio(all->example->requests, all->example->batches));
    print_shares(bench, all, stream);
    fact(stream, "messages/datagram", "%.2f", ratio(sum->messages_opened, sum->bundles));
    fact(stream, "datagrams/request", "%.2f sent by replicas, %.2f by clients",
         (double)sum->sent * all->per_request, (double)client->datagrams_sent * all->per_request);
    fact(stream, "signatures", "%.0f/s by replicas, %.0f/s by clients",
         (double)sum->signatures * all->per_second, (double)client->signatures * all->per_second);
    fact(stream, "verifications", "%.0f/s by replicas, %.0f/s by clients",
         (double)sum->verifies * all->per_second, (double)client->verifies * all->per_second);
    fact(stream, "MACs", "%.0f/s made and %.0f/s checked by replicas",
         (double)sum->macs_made * all->per_second, (double)sum->macs_checked * all->per_second);
    fact(stream, "messages/signature", "%.1f", ratio(sum->messages_sealed, sum->signatures));
    fact(stream, "lanes", "%.1f signatures, %.1f verifications at once",
         ratio(sum->signatures, sum->sign_calls), ratio(sum->verifies, sum->verify_calls));
    fact(stream, "sent again", "%" PRIu64 " messages by replicas, %" PRIu64 " requests by clients",
         sum->resent, client->retransmits);
    char drops[512];
    col_drops_format(sum->drops, drops, sizeof drops);
    fact(stream, "drops", "%s", drops);
}

static void print_stages(const col_bench *bench, const figures *all, FILE *stream) {
    fact(stream, "CPU per request", "%.1f us: %.1f us in replicas, %.1f us in the clients' process",
         (double)(cpu_ns(all) + bench->client_cpu_ns) / 1e3 * all->per_request,
         (double)cpu_ns(all) / 1e3 * all->per_request,
         (double)bench->client_cpu_ns / 1e3 * all->per_request);
    fprintf(stream, "%-20s", "busy by stage");
    for (uint32_t i = 0; i < COL_STAGE_KINDS; i++) {
        if (!all->sum.busy_ns[i]) continue;
        fprintf(stream, " %s %.1f us  ", col_stage_kind_name((col_stage_kind)i),
                (double)all->sum.busy_ns[i] / 1e3 * all->per_request);
    }
    fprintf(stream, "(per request, all replicas, as the clock saw it)\n\n");
}

static void print_replicas(const col_bench *bench, FILE *stream) {
    static col_table table;
    table = (col_table){0};
    static const char *const head[] = {"replica",  "CPU",  "of a core", "RSS",
                                       "requests", "sent", "received"};
    col_table_row(&table);
    for (uint32_t i = 0; i < sizeof head / sizeof *head; i++) col_table_cell(&table, "%s", head[i]);
    for (uint32_t i = 0; i < bench->cluster->genesis.replicas; i++) {
        const col_bench_replica *replica = &bench->replica[i];
        char text[32];
        col_table_row(&table);
        col_table_cell(&table, "%u", i);
        if (!replica->seen) {
            col_table_cell(&table, "down");
            continue;
        }
        const double cpu_s = (double)(replica->user_ns + replica->system_ns) / 1e9;
        col_table_cell(&table, "%.2f s", cpu_s);
        col_table_cell(&table, "%.0f %%", 100 * cpu_s / bench->seconds);
        col_table_cell(&table, "%.1f MB", (double)replica->rss_bytes / 1e6);
        col_table_cell(&table, "%s", col_number_format(replica->reading.requests, text));
        col_table_cell(&table, "%s", col_number_format(replica->reading.sent, text));
        col_table_cell(&table, "%s", col_number_format(replica->reading.received, text));
    }
    col_table_row(&table);
    col_table_cell(&table, "clients");
    col_table_cell(&table, "%.2f s", (double)bench->client_cpu_ns / 1e9);
    col_table_cell(&table, "%.0f %%", (double)bench->client_cpu_ns / 1e7 / bench->seconds);
    col_table_cell(&table, "%.1f MB", (double)bench->client_rss_bytes / 1e6);
    col_table_print(&table, stream);
    fputc('\n', stream);
}

static void print_agreement(const col_bench *bench, FILE *stream) {
    const col_agreement *agreement = &bench->agreement;
    if (!agreement->agree) {
        fact(stream, "checkpoints", "DO NOT AGREE: %s", agreement->problem);
        return;
    }
    char digest[17];
    for (uint32_t i = 0; i < 8; i++) snprintf(digest + 2 * i, 3, "%02x", agreement->digest.byte[i]);
    fact(stream, "checkpoints",
         "%u replicas agree: all signed the digest %s... for checkpoint %" PRIu64,
         agreement->compared, digest, agreement->checkpoint);
}

void col_bench_print(const col_bench *bench, FILE *stream) {
    const figures all = figures_of(bench);
    print_setting(bench, stream);
    print_service(bench, stream);
    if (!all.example) {
        fact(stream, "replicas",
             bench->local ? "none ran through the whole measurement"
                          : "not on this machine: their costs and checkpoints were not read");
        return;
    }
    print_costs(bench, &all, stream);
    print_stages(bench, &all, stream);
    print_replicas(bench, stream);
    print_agreement(bench, stream);
}

static void write_latency(const col_bench *bench, col_json *json) {
    const col_histogram *latency = &bench->outcome.latency_ns;
    col_json_object(json, "latency_us");
    col_json_real(json, "p50", latency_us(bench, 0.5));
    col_json_real(json, "p90", latency_us(bench, 0.9));
    col_json_real(json, "p99", latency_us(bench, 0.99));
    col_json_real(json, "p999", latency_us(bench, 0.999));
    col_json_real(json, "maximum", (double)latency->maximum / 1e3);
    col_json_real(json, "mean", ratio(latency->sum, latency->count) / 1e3);
    col_json_object_end(json);
}

static void write_replicas(const col_bench *bench, col_json *json) {
    col_json_array(json, "replicas");
    for (uint32_t i = 0; i < bench->cluster->genesis.replicas; i++) {
        const col_bench_replica *replica = &bench->replica[i];
        if (!replica->seen) continue;
        col_json_object(json, NULL);
        col_json_number(json, "id", i);
        col_json_number(json, "rss_bytes", replica->rss_bytes);
        col_json_number(json, "cpu_user_ns", replica->user_ns);
        col_json_number(json, "cpu_system_ns", replica->system_ns);
        col_json_number(json, "requests", replica->reading.requests);
        col_json_number(json, "datagrams_sent", replica->reading.sent);
        col_json_number(json, "datagrams_received", replica->reading.received);
        col_json_number(json, "signatures", replica->reading.signatures);
        col_json_number(json, "verifies", replica->reading.verifies);
        col_json_object_end(json);
    }
    col_json_array_end(json);
}

/// What all replicas together did for one request.
static void write_counts(const figures *all, col_json *json) {
    const col_reading *sum = &all->sum;
    const struct {
        const char *name;
        uint64_t count;
    } counts[] = {
        {"datagrams_received", sum->received},
        {"datagrams_sent", sum->sent},
        {"bundles_opened", sum->bundles},
        {"messages_opened", sum->messages_opened},
        {"verifies", sum->verifies},
        {"verify_calls", sum->verify_calls},
        {"messages_sealed", sum->messages_sealed},
        {"signatures", sum->signatures},
        {"sign_calls", sum->sign_calls},
        {"batches", sum->batches},
        {"requests", sum->requests},
        {"null_runs", sum->null_runs},
        {"sleeps", sum->sleeps},
    };
    col_json_object(json, "replica_counts_per_request");
    for (uint32_t i = 0; i < sizeof counts / sizeof *counts; i++)
        col_json_real(json, counts[i].name, (double)counts[i].count * all->per_request);
    col_json_object_end(json);
}

static void write_costs(const col_bench *bench, const figures *all, col_json *json) {
    const col_reading *sum = &all->sum;
    const col_client_statistics *client = &bench->outcome.statistics;
    col_json_real(json, "mean_batch", ratio(all->example->requests, all->example->batches));
    col_json_array(json, "pillar_shares");
    for (uint32_t k = 0; k < bench->cluster->genesis.pillars; k++)
        col_json_real(json, NULL, ratio(all->example->requests_of[k], all->example->requests));
    col_json_array_end(json);
    col_json_real(json, "messages_per_datagram", ratio(sum->messages_opened, sum->bundles));
    col_json_real(json, "messages_per_signature", ratio(sum->messages_sealed, sum->signatures));
    col_json_real(json, "datagrams_per_request",
                  (double)(sum->sent + client->datagrams_sent) * all->per_request);
    col_json_real(json, "replica_signatures_per_s", (double)sum->signatures * all->per_second);
    col_json_real(json, "client_signatures_per_s", (double)client->signatures * all->per_second);
    col_json_real(json, "replica_verifies_per_s", (double)sum->verifies * all->per_second);
    col_json_real(json, "client_verifies_per_s", (double)client->verifies * all->per_second);
    col_json_number(json, "messages_resent", sum->resent);
    col_json_number(json, "requests_retransmitted", client->retransmits);
    col_json_object(json, "drops");
    for (uint32_t i = COL_DROP_NONE + 1; i < COL_DROP_COUNT; i++) {
        if (sum->drops[i]) col_json_number(json, col_drop_name((col_drop)i), sum->drops[i]);
    }
    col_json_object_end(json);
    write_counts(all, json);
    col_json_object(json, "cpu_us_per_request");
    col_json_real(json, "replicas", (double)cpu_ns(all) / 1e3 * all->per_request);
    col_json_real(json, "replicas_user", (double)all->user_ns / 1e3 * all->per_request);
    col_json_real(json, "replicas_system", (double)all->system_ns / 1e3 * all->per_request);
    col_json_real(json, "clients", (double)bench->client_cpu_ns / 1e3 * all->per_request);
    col_json_object_end(json);
    col_json_object(json, "busy_us_per_request");
    for (uint32_t i = 0; i < COL_STAGE_KINDS; i++) {
        col_json_real(json, col_stage_kind_name((col_stage_kind)i),
                      (double)sum->busy_ns[i] / 1e3 * all->per_request);
    }
    col_json_object_end(json);
}

static void write_setting(const col_bench *bench, col_json *json) {
    const col_genesis *genesis = &bench->cluster->genesis;
    const col_load_options *load = &bench->load;
    col_json_object(json, "configuration");
    col_json_number(json, "replicas", genesis->replicas);
    col_json_number(json, "faults", genesis->faults);
    col_json_number(json, "pillars", genesis->pillars);
    col_json_text(json, "leaders", leaders_of(bench));
    col_json_number(json, "checkpoint_interval", genesis->checkpoint_interval);
    col_json_number(json, "window", genesis->window);
    col_json_number(json, "batch_requests", bench->cluster->tunables.batch_requests);
    col_json_text(json, "application", genesis->application);
    col_json_text(json, "profile", bench->profile);
    col_json_text(json, "replica_signatures", bench->signatures.replicas);
    col_json_text(json, "client_signatures", bench->signatures.clients);
    col_json_text(json, "sessions_sealed", bench->signatures.sessions);
    col_json_text(json, "signature_backend", bench->backend);
    col_json_text(json, "sha256", bench->hasher);
    col_json_number(json, "clients", load->clients);
    col_json_number(json, "sessions_per_client", load->sessions);
    col_json_number(json, "outstanding_per_session", load->outstanding);
    col_json_number(json, "client_threads", load->threads);
    if (load->rate > 0) {
        col_json_number(json, "rate_per_s", load->rate);
    } else {
        col_json_null(json, "rate_per_s");
    }
    col_json_number(json, "request_bytes", load->request_bytes);
    col_json_number(json, "reply_bytes", bench->outcome.reply_bytes);
    col_json_real(json, "warm_up_s", bench->warm_up_s);
    col_json_real(json, "seconds", bench->seconds);
    col_json_object_end(json);
    col_json_object(json, "machine");
    col_json_text(json, "processor", bench->machine.processor);
    col_json_number(json, "cores", bench->machine.cores);
    col_json_number(json, "memory_bytes", bench->machine.memory_bytes);
    col_json_text(json, "kernel", bench->machine.kernel);
    col_json_object_end(json);
    col_json_text(json, "commit", bench->commit);
}

void col_bench_write_json(const col_bench *bench, FILE *stream) {
    const figures all = figures_of(bench);
    col_json json = {.stream = stream};
    col_json_object(&json, NULL);
    col_json_real(&json, "throughput_per_s", (double)bench->measured / bench->seconds);
    write_latency(bench, &json);
    col_json_number(&json, "requests_answered", bench->outcome.answered);
    col_json_number(&json, "replies_missing", bench->outcome.missing);
    col_json_number(&json, "requests_still_due", bench->outcome.still_due);
    if (bench->local) {
        col_json_bool(&json, "checkpoints_agree", bench->agreement.agree);
        col_json_number(&json, "checkpoint", bench->agreement.checkpoint);
        col_json_number(&json, "checkpoints_compared", bench->agreement.compared);
    } else {
        col_json_null(&json, "checkpoints_agree");
    }
    write_replicas(bench, &json);
    if (all.example) write_costs(bench, &all, &json);
    write_setting(bench, &json);
    col_json_object_end(&json);
}
