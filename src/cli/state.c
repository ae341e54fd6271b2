// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/cli/paths.h"
#include "src/cli/state.h"

/// Whose lock it is: record locks belong to one process, end with it, and name it.
static struct flock whole_file(void) {
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
}

col_result col_state_lock(const char *directory) {
    char path[COL_PATH_MAX];
    COL_TRY(col_cli_path(path, directory, "run/lock"));
    const int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file < 0)
        return col_error("%s: %s: make %s/run a directory that this user may write", path,
                         strerror(errno), directory);
    struct flock lock = whole_file();
    if (fcntl(file, F_SETLK, &lock) == 0) return col_ok();
    close(file);
    return col_error("%s: the cluster is up already: `colonnade cluster down %s` stops it",
                     directory, directory);
}

pid_t col_supervisor_find(const char *directory) {
    char path[COL_PATH_MAX];
    if (!col_cli_path(path, directory, "run/lock").ok) return 0;
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    struct flock lock = whole_file();
    const int failed = fcntl(file, F_GETLK, &lock);
    close(file);
    return failed || lock.l_type == F_UNLCK ? 0 : lock.l_pid;
}

col_result col_state_write(const char *directory, const col_supervisor_state *state) {
    char path[COL_PATH_MAX], fresh[COL_PATH_MAX];
    COL_TRY(col_cli_path(path, directory, "run/state"));
    COL_TRY(col_cli_path(fresh, directory, "run/state.new"));
    FILE *file = fopen(fresh, "we");
    if (!file)
        return col_error("%s: %s: make %s/run a directory that this user may write", fresh,
                         strerror(errno), directory);
    fprintf(file, "profile %s\n", state->profile);
    for (uint32_t i = 0; i < state->replicas; i++) {
        fprintf(file, "replica %u %d %s\n", i, state->replica[i].pid, state->replica[i].state);
    }
    if (fclose(file) != 0 || rename(fresh, path) != 0)
        return col_error("%s: %s: make room on the disk", path, strerror(errno));
    return col_ok();
}

static void read_line(const char *line, col_supervisor_state *state) {
    if (sscanf(line, "profile %511[^\n]", state->profile) == 1) return;
    col_supervised replica = {0};
    uint32_t id;
    if (sscanf(line, "replica %u %d %63[^\n]", &id, &replica.pid, replica.state) != 3) return;
    if (id >= COL_REPLICAS_MAX) return;
    state->replica[id] = replica;
    if (id >= state->replicas) state->replicas = id + 1;
}

bool col_supervisor_read(const char *directory, col_supervisor_state *state) {
    *state = (col_supervisor_state){.supervisor = col_supervisor_find(directory)};
    char path[COL_PATH_MAX];
    if (!state->supervisor || !col_cli_path(path, directory, "run/state").ok) return false;
    FILE *file = fopen(path, "re");
    if (!file) return false;
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, file) > 0) read_line(line, state);
    free(line);
    fclose(file);
    return state->replicas > 0;
}
