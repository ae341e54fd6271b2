// SPDX-License-Identifier: Apache-2.0
#include "src/cli/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void columns_are_as_wide_as_they_need(void **state) {
    (void)state;
    static col_table table;
    table = (col_table){0};
    col_table_row(&table);
    col_table_cell(&table, "name");
    col_table_cell(&table, "n");
    col_table_row(&table);
    col_table_cell(&table, "a");
    col_table_cell(&table, "%d", 1234);
    col_table_row(&table);
    col_table_cell(&table, "short row");

    char *text;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    col_table_print(&table, stream);
    fclose(stream);
    assert_string_equal(text, "  name          n\n  a          1234\n  short row\n");
    free(text);
}

static void marked_cells_are_red_only_where_the_table_has_colour(void **state) {
    (void)state;
    static col_table table;
    for (int colour = 0; colour < 2; colour++) {
        table = (col_table){.colour = colour};
        col_table_row(&table);
        col_table_cell(&table, "a");
        col_table_cell(&table, "12");
        col_table_mark(&table);
        char *text;
        size_t size;
        FILE *stream = open_memstream(&text, &size);
        col_table_print(&table, stream);
        fclose(stream);
        assert_string_equal(text, colour ? "  a  \033[31m12\033[m\n" : "  a  12\n");
        free(text);
    }
}

static void a_long_cell_is_cut(void **state) {
    (void)state;
    static col_table table;
    table = (col_table){0};
    col_table_row(&table);
    col_table_cell(&table, "%0100d", 1);
    for (uint32_t i = 0; i < COL_TABLE_CELL_MAX - 1; i++)
        assert_int_equal(table.cell[0][0][i], '0');
    assert_int_equal(table.cell[0][0][COL_TABLE_CELL_MAX - 1], 0);
}

static void numbers_are_grouped_by_thousands(void **state) {
    (void)state;
    char text[32];
    assert_string_equal(col_number_format(0, text), "0");
    assert_string_equal(col_number_format(999, text), "999");
    assert_string_equal(col_number_format(1000, text), "1 000");
    assert_string_equal(col_number_format(UINT64_MAX, text), "18 446 744 073 709 551 615");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_they_need),
        cmocka_unit_test(marked_cells_are_red_only_where_the_table_has_colour),
        cmocka_unit_test(a_long_cell_is_cut),
        cmocka_unit_test(numbers_are_grouped_by_thousands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
