// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "src/base/result.h"

/// Reading YAML by schema, for the two files of src/config. The only place that knows libyaml.
///
/// A mapping is read by a table of its keys into a structure. Every error is one line
/// "<path>:<line>: <what>: <remedy>"; the lines are kept, so that rules between several keys can
/// name theirs too.

/// Most keys that one mapping may have in its table.
#define COL_YAML_KEYS_MAX 24

/// One parsed file, and one place in it. Nodes live as long as their file.
typedef struct col_yaml col_yaml;
typedef struct yaml_node_s col_yaml_node;

/// How a key's value is read.
typedef enum {
    COL_YAML_NUMBER,  ///< whole number, stored as unsigned integer
    COL_YAML_TEXT,    ///< one line, stored as array of char
    COL_YAML_CHOICE,  ///< one of several words, its number stored: enumerations, bool
    COL_YAML_NODE,    ///< a mapping or list, stored nowhere: found[].value has it
} col_yaml_kind;

/// One key of a mapping.
typedef struct {
    const char *key;
    col_yaml_kind kind;
    const char *example;  ///< for a required key: a value that one could write; NULL: optional
    size_t offset;        ///< of the member
    size_t size;          ///< of the member: 1, 4, 8, or an array's length
    uint64_t minimum;     ///< NUMBER: smallest value; TEXT: fewest characters; CHOICE: first word's
    uint64_t maximum;     ///< NUMBER: largest value
    uint64_t unit;        ///< NUMBER: stored times this; 0 is 1
    const char *const *choices;  ///< CHOICE: the words, NULL at the end
} col_yaml_key;

/// The member where a key's value goes.
#define COL_YAML_MEMBER(structure, member) \
    .offset = offsetof(structure, member), .size = sizeof(((structure *)0)->member)

/// The words of a bool.
extern const char *const col_yaml_flag[];

/// Where a key stands: line 0 and no value when it is absent.
typedef struct {
    const col_yaml_node *value;
    uint32_t line;
} col_yaml_found;

/// Parse a file with one document.
/// @param path borrowed for the file's life
/// @param remedy what to do when the file is missing, the end of a sentence
/// @param yaml out, freed by col_yaml_close
COL_MUST_USE col_result col_yaml_open(const char *path, const char *remedy, col_yaml **yaml);
void col_yaml_close(col_yaml *yaml);

/// The document's outermost node.
const col_yaml_node *col_yaml_root(const col_yaml *yaml);
uint32_t col_yaml_line(const col_yaml_node *node);

/// An error at a line of the file.
COL_MUST_USE col_result col_yaml_error(const col_yaml *yaml, uint32_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/// Read a mapping. Unknown keys, repeated keys, missing required keys and values of the wrong kind
/// or range are errors; members of absent keys keep their values.
/// @param what names the mapping in errors: "genesis"
/// @param keys [count], count <= COL_YAML_KEYS_MAX
/// @param out the structure that the keys' members lie in
/// @param found out, [count], where each key stands
COL_MUST_USE col_result col_yaml_mapping(const col_yaml *yaml, const col_yaml_node *node,
                                         const char *what, const col_yaml_key *keys, size_t count,
                                         void *out, col_yaml_found *found);

/// Check that a node is a list. @param count out, its items
COL_MUST_USE col_result col_yaml_list(const col_yaml *yaml, const col_yaml_node *node,
                                      const char *what, uint32_t *count);
const col_yaml_node *col_yaml_item(const col_yaml *yaml, const col_yaml_node *list, uint32_t index);

/// Read one scalar. @param what names it in errors
COL_MUST_USE col_result col_yaml_number(const col_yaml *yaml, const col_yaml_node *node,
                                        const char *what, uint64_t minimum, uint64_t maximum,
                                        uint64_t *value);
COL_MUST_USE col_result col_yaml_choice(const col_yaml *yaml, const col_yaml_node *node,
                                        const char *what, const char *const *choices,
                                        uint32_t *index);

/// True when the node is a scalar of exactly this text.
bool col_yaml_is(const col_yaml_node *node, const char *text);
