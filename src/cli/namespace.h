// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include "src/base/result.h"
#include "src/config/cluster.h"

/// The private network of a cluster on one machine: a network namespace with one bridge, one veth
/// pair per replica and the bridge's own address for clients.
///
///     replica i --col<i>--[veth]--b<i>-- col-br (clients' address, x.y.z.254/24)
///
/// The replica's end has no kernel address: DPDK owns it. Unprivileged users get a user namespace
/// in which they are root.

/// Move the calling, single-threaded process into a new network namespace; where that needs it,
/// into a new user namespace, too, as its root.
/// @return error: namespaces are not permitted here
COL_MUST_USE col_result col_namespace_create(void);

/// Make bridge and veth pairs in the namespace of the calling process, for the cluster's addresses.
/// @param mtu of all links
/// @return error: addresses that do not share a /24, `ip` or `bridge` missing, what they say
COL_MUST_USE col_result col_namespace_connect(const col_cluster *cluster, uint32_t mtu);

/// The kernel interface of replica `id`. @param name room for 16 bytes @return name
const char *col_namespace_device(uint32_t id, char *name);

/// Move the calling, single-threaded process into the namespaces of process `pid`.
/// @return error: process gone, another user's
COL_MUST_USE col_result col_namespace_enter(pid_t pid);
