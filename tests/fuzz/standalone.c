// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target once over each file, and each file of each directory, that the command line
// names: for compilers without libFuzzer, and to repeat a finding.
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

static uint32_t files_run;

static void run_file(const char *path) {
    FILE *file = fopen(path, "rb");
    struct stat status;
    COL_ASSERT(file != NULL && fstat(fileno(file), &status) == 0);
    uint8_t *data = malloc((size_t)status.st_size + 1);
    COL_ASSERT(data != NULL);
    const size_t size = fread(data, 1, (size_t)status.st_size, file);
    fclose(file);
    // An exact copy, so that the sanitizer sees the first byte that is read beyond the end.
    uint8_t *exact = malloc(size);
    if (size > 0) memcpy(exact, data, size);
    free(data);
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    files_run++;
}

static void run_directory(const char *path) {
    DIR *directory = opendir(path);
    if (directory == NULL) {
        run_file(path);
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        char file[4096];
        if (entry->d_name[0] == '.') continue;
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        run_file(file);
    }
    closedir(directory);
}

int main(int count, char **argument) {
    for (int i = 1; i < count; i++) {
        printf("%s\n", argument[i]);  // the one that a crash belongs to comes last
        fflush(stdout);
        run_directory(argument[i]);
    }
    printf("%u inputs\n", files_run);
    return files_run > 0 ? 0 : 1;
}
