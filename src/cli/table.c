// SPDX-License-Identifier: Apache-2.0
#include "src/cli/table.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "src/base/assert.h"

void col_table_row(col_table *table) {
    COL_ASSERT(table->rows < COL_TABLE_ROWS_MAX);
    table->rows++;
}

void col_table_cell(col_table *table, const char *format, ...) {
    COL_ASSERT(table->rows);
    const uint32_t row = table->rows - 1;
    COL_ASSERT(table->cells[row] < COL_TABLE_COLUMNS_MAX);

    va_list values;
    va_start(values, format);
    vsnprintf(table->cell[row][table->cells[row]++], COL_TABLE_CELL_MAX, format, values);
    va_end(values);
    if (table->cells[row] > table->columns) table->columns = table->cells[row];
}

void col_table_mark(col_table *table) {
    COL_ASSERT(table->rows && table->cells[table->rows - 1]);
    const uint32_t row = table->rows - 1;
    table->marked[row][table->cells[row] - 1] = true;
}

static void print_cell(const col_table *table, uint32_t row, uint32_t column, int width,
                       FILE *stream) {
    const bool red = table->colour && table->marked[row][column];
    fputs("  ", stream);
    if (red) fputs("\033[31m", stream);
    fprintf(stream, column ? "%*s" : "%-*s", width, table->cell[row][column]);
    if (red) fputs("\033[m", stream);
}

void col_table_print(const col_table *table, FILE *stream) {
    int width[COL_TABLE_COLUMNS_MAX] = {0};
    for (uint32_t row = 0; row < table->rows; row++) {
        for (uint32_t column = 0; column < table->cells[row]; column++) {
            const int length = (int)strlen(table->cell[row][column]);
            if (length > width[column]) width[column] = length;
        }
    }
    for (uint32_t row = 0; row < table->rows; row++) {
        for (uint32_t column = 0; column < table->cells[row]; column++) {
            print_cell(table, row, column, width[column], stream);
        }
        fputc('\n', stream);
    }
}

const char *col_number_format(uint64_t number, char *text) {
    char digits[24];
    const int length = snprintf(digits, sizeof digits, "%" PRIu64, number);
    char *out = text;
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0) *out++ = ' ';
        *out++ = digits[i];
    }
    *out = 0;
    return text;
}
