// SPDX-License-Identifier: Apache-2.0
// The rows of cluster_test.c's table of mistakes: what is replaced in the good file, by what, and the error.

// Structure.
{"  window: 64\n", "  windw: 64\n",
 "cluster.yaml:7: genesis has no key 'windw': did you mean window?"},
{"  window: 64\n", "  zzzzzzzzzzzz: 64\n",
 "cluster.yaml:7: genesis has no key 'zzzzzzzzzzzz': its keys are name, faults, pillars, leaders, "
 "checkpoint_interval, window, session_outstanding, sessions_max, client_sessions_max, operation_bytes_max, "
 "result_bytes_max, batch_requests_max, batch_bytes_max, time_ahead_max_ms, application, "
 "application_options, replicas and clients"},
{"  window: 64\n", "  window: 64\n  window: 96\n",
 "cluster.yaml:8: window stands in line 7 already: remove one of the two"},
{"  window: 64\n", "", "cluster.yaml:2: genesis lacks the key window: add window: 64"},
{"tunables:", "tuneables:", "cluster.yaml:26: the cluster file has no key 'tuneables': did you mean tunables?"},
{"  batch_bytes: 32768", "  batch_byte: 32768",
 "cluster.yaml:28: tunables has no key 'batch_byte': did you mean batch_bytes?"},
{"genesis:\n", "genesis: 7\nrest:\n", "cluster.yaml:2: the cluster file has no key 'rest': its keys are genesis and tunables"},
{"genesis:\n", "genesis: [\n", "cluster.yaml:3: this is not YAML (did not find expected ',' or ']' while parsing a flow sequence that begins "
 "in line 1): check indentation, colons and quotes here and above"},
{"  window: 64\n", "\twindow: 64\n", "cluster.yaml:7: this is not YAML (found a tab character that violates indentation while scanning a plain "
 "scalar that begins in line 6): check indentation, colons and quotes here and above"},
{"  window: 64\n", "  window 64\n", "cluster.yaml:8: this is not YAML (could not find expected ':' while scanning a simple key that begins in "
 "line 7): check indentation, colons and quotes here and above"},
{"  window: 64\n", "  window: \"64\n", "cluster.yaml:17: this is not YAML (did not find expected key while parsing a block mapping that begins in "
 "line 2): check indentation, colons and quotes here and above"},
{"  window: 64\n", "  window: *w\n", "cluster.yaml:7: this is not YAML (found undefined alias): check indentation, colons and quotes here and above"},
{"tunables:", "---\ntunables:", "cluster.yaml:26: a second document begins: keep one per file"},
{"tunables:\n  batch_requests: 100\n  batch_bytes: 32768\n  status_interval_ms: 50\n  request_timeout_ms: 2000\n", "tunables: fast\n",
 "cluster.yaml:26: tunables must be a mapping: lines of 'key: value', or {key: value, ...}"},

// Values.
{"name: demo", "name:", "cluster.yaml:2: name is empty: give it a value"},
{"name: demo", "name: my demo",
 "cluster.yaml:2: name is 'my demo': use letters, digits, '-' and '_' only, because files are named after it"},
{"name: demo", "name: [demo]", "cluster.yaml:2: name is a list: it must be a single value"},
{"name: demo", "name: {a: b}", "cluster.yaml:2: name is a mapping: it must be a single value"},
{"name: demo", "name: \"de\\nmo\"",
 "cluster.yaml:2: name contains a line break or control character: write it on one line"},
{"name: demo", "name: \"de\\0mo\"",
 "cluster.yaml:2: name contains a line break or control character: write it on one line"},
{"name: demo", "name: a123456789b123456789c123456789d123456789e123456789f123456789g123",
 "cluster.yaml:2: name has 64 characters: it may have 63; shorten it"},
{"faults: 1", "faults: 0", "cluster.yaml:3: faults is 0: it must be 1 .. 10; try faults: 1"},
{"faults: 1", "faults: -1", "cluster.yaml:3: faults is '-1': it must be a whole number, 1 .. 10"},
{"faults: 1", "faults: 1.5", "cluster.yaml:3: faults is '1.5': it must be a whole number, 1 .. 10"},
{"faults: 1", "faults: 010", "cluster.yaml:3: faults is '010': it must be a whole number, 1 .. 10"},
{"faults: 1", "faults:", "cluster.yaml:3: faults is '': it must be a whole number, 1 .. 10"},
{"faults: 1", "faults: 99999999999999999999999",
 "cluster.yaml:3: faults is '99999999999999999999999': it must be a whole number, 1 .. 10"},
{"pillars: 4", "pillars: 17", "cluster.yaml:4: pillars is 17: it must be 1 .. 16; try pillars: 16"},
{"leaders: rotating", "leaders: rotate",
 "cluster.yaml:5: leaders is 'rotate': it must be rotating or single"},
{"checkpoint_interval: 32", "checkpoint_interval: 129",
 "cluster.yaml:6: checkpoint_interval is 129: it must be 1 .. 128; try checkpoint_interval: 128"},
{"window: 64", "window: 257", "cluster.yaml:7: window is 257: it must be 2 .. 256; try window: 256"},
{"session_outstanding: 64", "session_outstanding: 257",
 "cluster.yaml:8: session_outstanding is 257: it must be 1 .. 256; try session_outstanding: 256"},
{"sessions_max: 1024", "sessions_max: 65537",
 "cluster.yaml:9: sessions_max is 65537: it must be 1 .. 65536; try sessions_max: 65536"},
{"operation_bytes_max: 4096", "operation_bytes_max: 32769",
 "cluster.yaml:11: operation_bytes_max is 32769: it must be 1 .. 32768; try operation_bytes_max: 32768"},
{"result_bytes_max: 4096", "result_bytes_max: 63",
 "cluster.yaml:12: result_bytes_max is 63: it must be 64 .. 32768; try result_bytes_max: 64"},
{"batch_requests_max: 256", "batch_requests_max: 1025",
 "cluster.yaml:13: batch_requests_max is 1025: it must be 1 .. 1024; try batch_requests_max: 1024"},
{"batch_bytes_max: 65536", "batch_bytes_max: 131073",
 "cluster.yaml:14: batch_bytes_max is 131073: it must be 1 .. 131072; try batch_bytes_max: 131072"},
{"time_ahead_max_ms: 5000", "time_ahead_max_ms: 0",
 "cluster.yaml:15: time_ahead_max_ms is 0: it must be 1 .. 3600000; try time_ahead_max_ms: 1"},
{"application: counter", "application: ''", "cluster.yaml:16: application is empty: give it a value"},
{"status_interval_ms: 50", "status_interval_ms: 60001",
 "cluster.yaml:29: status_interval_ms is 60001: it must be 1 .. 60000; try status_interval_ms: 60000"},
{"request_timeout_ms: 2000", "request_timeout_ms: 2s",
 "cluster.yaml:30: request_timeout_ms is '2s': it must be a whole number, 1 .. 600000"},

// Members.
{"  replicas:\n", "  replicas: four\n  replica:\n", "cluster.yaml:19: genesis has no key 'replica': did you mean replicas?"},
{"    - {address: 10.77.0.4, port: 7000, public_key: keys/replica-3.pub}\n", "",
 "cluster.yaml:18: replicas has 3 entries: a cluster has 4 .. 32; add 1"},
{"10.77.0.3, port", "10.77.0, port",
 "cluster.yaml:21: address is '10.77.0': it must be an IPv4 address such as 10.77.0.1"},
{"10.77.0.3, port", "replica2.example.com, port",
 "cluster.yaml:21: address is 'replica2.example.com': it must be an IPv4 address such as 10.77.0.1"},
{"10.77.0.3, port", "224.0.0.1, port",
 "cluster.yaml:21: address is 224.0.0.1: it must be the address of one machine such as 10.77.0.1"},
{"10.77.0.3, port", "0.0.0.0, port",
 "cluster.yaml:21: address is 0.0.0.0: it must be the address of one machine such as 10.77.0.1"},
{"{address: 10.77.0.3, port: 7000,", "{address: 10.77.0.3,",
 "cluster.yaml:21: replica 2 lacks the key port: add port: 7000"},
{"10.77.0.3, port: 7000", "10.77.0.3, prot: 7000",
 "cluster.yaml:21: replica 2 has no key 'prot': did you mean port?"},
{"10.77.0.3, port: 7000", "10.77.0.3, port: 65536",
 "cluster.yaml:21: port is 65536: it must be 1 .. 65535; try port: 65535"},
{"    - {public_key: keys/client-1.pub}\n", "    - keys/client-1.pub\n",
 "cluster.yaml:25: client 1 must be a mapping: lines of 'key: value', or {key: value, ...}"},
{"    - {public_key: keys/client-1.pub}\n", "    - {public_key: keys/client-1.pub, port: 1}\n",
 "cluster.yaml:25: client 1 has no key 'port': its keys are public_key"},
{"    - {public_key: keys/client-0.pub}\n    - {public_key: keys/client-1.pub}\n", "    {}\n",
 "cluster.yaml:24: clients must be a list: lines of '- item', or [item, ...]"},

// Rules between keys.
{"faults: 1", "faults: 2",
 "cluster.yaml:3: faults is 2 and there are 4 replicas: n >= 3 * faults + 1 must hold; try faults: 1, or 7 "
 "replicas"},
{"checkpoint_interval: 32\n  window: 64", "checkpoint_interval: 100\n  window: 150",
 "cluster.yaml:7: checkpoint_interval is 100 and window is 150: window must be a multiple of "
 "checkpoint_interval and at least twice it; try window: 200"},
{"window: 64", "window: 32",
 "cluster.yaml:7: checkpoint_interval is 32 and window is 32: window must be a multiple of "
 "checkpoint_interval and at least twice it; try window: 64"},
{"checkpoint_interval: 32\n  window: 64", "checkpoint_interval: 100\n  window: 256",
 "cluster.yaml:7: checkpoint_interval is 100 and window is 256: window must be a multiple of "
 "checkpoint_interval and at least twice it; try window: 200"},
{"client_sessions_max: 256", "client_sessions_max: 1025",
 "cluster.yaml:10: client_sessions_max is 1025 and sessions_max is 1024: one client cannot have more sessions "
 "than the cluster; try client_sessions_max: 1024"},
{"batch_bytes_max: 65536", "batch_bytes_max: 9125",
 "cluster.yaml:14: batch_bytes_max is 9125 and operation_bytes_max is 4096: a batch must hold one largest "
 "request and its seal; try batch_bytes_max: 9126"},
{"10.77.0.3, port: 7000", "10.77.0.3, port: 65533",
 "cluster.yaml:21: port is 65533 and pillars is 4: pillar k listens at port + k, up to 65535; try port: 65532"},
{"10.77.0.3, port: 7000", "10.77.0.1, port: 7003",
 "cluster.yaml:21: replicas 0 and 2 have the same address and both listen at port 7003, since each has 4 "
 "ports, one per pillar: try port: 7007, or another address"},
{"10.77.0.3, port: 7000", "10.77.0.1, port: 6997",
 "cluster.yaml:21: replicas 0 and 2 have the same address and both listen at port 7000, since each has 4 "
 "ports, one per pillar: try port: 7004, or another address"},
{"batch_requests: 100", "batch_requests: 257",
 "cluster.yaml:27: batch_requests is 257 and batch_requests_max is 256: other replicas refuse larger batches; "
 "try batch_requests: 256"},
{"batch_bytes: 32768", "batch_bytes: 65537",
 "cluster.yaml:28: batch_bytes is 65537 and batch_bytes_max is 65536: other replicas refuse larger batches; "
 "try batch_bytes: 65536"},

// Keys.
{"keys/client-1.pub", "keys/client-9.pub",
 "cluster.yaml:25: public key $DIR/keys/client-9.pub: No such file or directory: make the key with `colonnade "
 "keygen`, or correct public_key"},
{"keys/replica-3.pub", "/dev/null", "cluster.yaml:22: /dev/null: not a public key: make one"},
{"keys/replica-3.pub", "keys/replica-1.pub",
 "cluster.yaml:22: replicas 1 and 3 have the same public key, which would give its holder two votes: make one "
 "for each with `colonnade keygen`"},
