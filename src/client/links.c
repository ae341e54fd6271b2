// SPDX-License-Identifier: Apache-2.0
#include "src/client/links.h"

#include "crypto/exchange.h"

static uint32_t keys_of_session(uint32_t replicas) {
    return 2 * replicas;
}

size_t col_client_links_footprint(uint32_t sessions, uint32_t replicas) {
    return col_session_keys_footprint(sessions, keys_of_session(replicas));
}

void col_client_links_open(col_client_link_keys *links, col_arena *arena, uint32_t sessions) {
    links->macs = col_macs_create();
    col_session_keys_init(&links->keys, arena, sessions, keys_of_session(links->replicas));
}

void col_client_links_close(col_client_link_keys *links) {
    for (uint32_t k = 0; k < COL_PILLARS_MAX; k++) col_key_destroy(links->pillar[k].pair);
    col_macs_destroy(links->macs);
}

static void begin(void *context, uint32_t pillar, col_exchange_key *share) {
    col_client_link_keys *links = context;
    col_key_destroy(links->pillar[pillar].pair);
    links->pillar[pillar].pair = col_exchange_generate(&links->pillar[pillar].share);
    *share = links->pillar[pillar].share;
}

static bool derive(const col_client_link_keys *links, uint32_t pillar, uint64_t nonce,
                   col_mac_key *key) {
    for (uint32_t i = 0; i < links->replicas; i++) {
        const col_link link = {.cluster = &links->cluster,
                               .client = links->client,
                               .pillar = (uint8_t)pillar,
                               .nonce = nonce,
                               .share = &links->pillar[pillar].share,
                               .replica = i};
        col_link_keys both;
        if (!col_link_keys_derive(links->pillar[pillar].pair, &links->replica[i], &link, &both)) {
            return false;
        }
        key[i] = both.request;
        key[links->replicas + i] = both.reply;
    }
    return true;
}

static void opened(void *context, uint32_t pillar, uint64_t nonce, uint64_t session) {
    col_client_link_keys *links = context;
    col_mac_key *key = col_session_keys_add(&links->keys, session, links->client);
    if (!derive(links, pillar, nonce, key)) col_session_keys_remove(&links->keys, session);
    col_key_destroy(links->pillar[pillar].pair);  // nobody can derive the session's keys again
    links->pillar[pillar].pair = NULL;
}

static void closed(void *context, uint64_t session) {
    col_client_link_keys *links = context;
    col_session_keys_remove(&links->keys, session);
}

col_client_links col_client_links_of(col_client_link_keys *links) {
    return (col_client_links){links, begin, opened, closed};
}

static const col_mac_key *find(void *context, uint8_t role, uint32_t signer, uint32_t key_version) {
    const col_client_link_keys *links = context;
    if (role != COL_ROLE_REPLICA || signer >= links->replicas) return NULL;
    const col_mac_key *key = col_session_keys_find(&links->keys, key_version, links->client);
    return key == NULL ? NULL : &key[links->replicas + signer];
}

col_opener_links col_client_links_to_open(col_client_link_keys *links) {
    return (col_opener_links){.macs = links->macs, .find = find, .context = links};
}

bool col_client_links_seal(const col_client_link_keys *links, uint64_t session,
                           col_link_seal *seal) {
    return col_session_keys_seal(&links->keys, session, links->client, links->replicas, seal);
}
