// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "src/base/limits.h"

/// A table of short texts, printed with columns as wide as they need: the first one left-aligned,
/// the others right-aligned.

#define COL_TABLE_COLUMNS_MAX 12
#define COL_TABLE_ROWS_MAX (COL_REPLICAS_MAX * COL_PILLARS_MAX + 8)
#define COL_TABLE_CELL_MAX 48

/// Zero-initialised before use, but for `colour`.
typedef struct {
    bool colour;  ///< of marked cells
    uint32_t rows;
    uint32_t columns;  ///< of the longest row
    uint32_t cells[COL_TABLE_ROWS_MAX];
    bool marked[COL_TABLE_ROWS_MAX][COL_TABLE_COLUMNS_MAX];
    char cell[COL_TABLE_ROWS_MAX][COL_TABLE_COLUMNS_MAX][COL_TABLE_CELL_MAX];
} col_table;

/// Begin the next row.
void col_table_row(col_table *table);

/// Add a cell to the last row; cut at its maximum.
void col_table_cell(col_table *table, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/// Mark the last cell as something that a healthy cluster does not show: red, where the table has
/// colour.
void col_table_mark(col_table *table);

void col_table_print(const col_table *table, FILE *stream);

/// A number as people read it: "12 345 678". @param text room for 32 bytes @return text
const char *col_number_format(uint64_t number, char *text);
