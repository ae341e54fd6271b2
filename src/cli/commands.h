// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "crypto/keys.h"
#include "src/base/result.h"
#include "src/cli/supervisor.h"

/// What col_scheme_find knows, for options.
#define COL_SCHEME_CHOICES "rsa|ed25519|ecdsa-p256"
#define COL_KEY_CHOICES COL_SCHEME_CHOICES "|hmac"

/// The commands of `colonnade`. Each parses what follows its name and returns its exit status: 0, 1
/// when what was asked for did not come out, 2 for bad input.
int col_command_keygen(char **argv);
int col_command_init(char **argv);
int col_command_replica(char **argv);
int col_command_cluster(char **argv);
int col_command_client(char **argv);
int col_command_bench(char **argv);
int col_command_version(char **argv);

/// Print the failure as "colonnade: ..." and @return `status`.
int col_fail(const col_result *result, int status);

/// Read the cluster file with the keys' fingerprints.
COL_MUST_USE col_result col_open_cluster(const char *path, col_cluster **cluster);

/// Find the cluster that runs from `directory` on this machine and enter its namespace. Says so on
/// stderr when there is none: the cluster's addresses are then used as they are.
/// @param state out; state->supervisor is 0 when none runs here
COL_MUST_USE col_result col_enter_cluster(const char *directory, col_supervisor_state *state);

/// Check that a client's private key can be read before anything waits for the network.
/// @param key NULL: keys/client-<id>.pem beside the cluster file
/// @return error: id outside the registry, no such key, not the registry's
COL_MUST_USE col_result col_check_client_key(const col_cluster *cluster, const char *key,
                                             uint32_t client);

/// With what replicas and clients of a cluster sign.
COL_MUST_USE col_result col_signatures_read(const col_cluster *cluster, col_signatures *signatures);
