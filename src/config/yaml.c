// SPDX-License-Identifier: Apache-2.0
#include "src/config/yaml.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "src/base/assert.h"

struct col_yaml {
    const char *path;
    yaml_document_t document;
};

const char *const col_yaml_flag[] = {"false", "true", NULL};

/// The longest word that is compared with the known keys.
#define WORD_MAX 64

// ---- The file ----

static col_result parse_failed(const col_yaml *yaml, const yaml_parser_t *parser) {
    const bool marked = parser->error != YAML_READER_ERROR && parser->error != YAML_MEMORY_ERROR;
    const uint32_t line = (uint32_t)(marked ? parser->problem_mark : parser->mark).line + 1;
    char context[128] = "";
    if (marked && parser->context) {
        snprintf(context, sizeof context, " %s that begins in line %u", parser->context,
                 (uint32_t)parser->context_mark.line + 1);
    }
    return col_yaml_error(yaml, line,
                          "this is not YAML (%s%s): check indentation, colons and quotes here and "
                          "above",
                          parser->problem ? parser->problem : "out of memory", context);
}

/// Parse the only document of the file.
static col_result load(col_yaml *yaml, yaml_parser_t *parser) {
    if (!yaml_parser_load(parser, &yaml->document)) {
        yaml->document = (yaml_document_t){0};
        return parse_failed(yaml, parser);
    }
    if (!yaml_document_get_root_node(&yaml->document)) {
        return col_yaml_error(yaml, 1, "the file is empty: restore it");
    }
    yaml_document_t second;
    if (!yaml_parser_load(parser, &second)) return parse_failed(yaml, parser);
    const bool more = yaml_document_get_root_node(&second) != NULL;
    const uint32_t line = (uint32_t)second.start_mark.line + 1;
    yaml_document_delete(&second);
    if (more) return col_yaml_error(yaml, line, "a second document begins: keep one per file");
    return col_ok();
}

col_result col_yaml_open(const char *path, const char *remedy, col_yaml **out) {
    FILE *file = fopen(path, "re");
    if (!file) {
        const int reason = errno;
        return col_error("%s: %s: %s", path, strerror(reason), remedy);
    }
    col_yaml *yaml = calloc(1, sizeof *yaml);
    COL_ASSERT(yaml);
    yaml->path = path;

    yaml_parser_t parser;
    COL_ASSERT(yaml_parser_initialize(&parser));
    yaml_parser_set_input_file(&parser, file);
    const col_result result = load(yaml, &parser);
    yaml_parser_delete(&parser);
    fclose(file);
    if (!result.ok) {
        col_yaml_close(yaml);
        return result;
    }
    *out = yaml;
    return result;
}

void col_yaml_close(col_yaml *yaml) {
    if (!yaml) return;
    yaml_document_delete(&yaml->document);
    free(yaml);
}

/// libyaml's look-ups take a mutable document; none of those used here writes to it.
static const yaml_node_t *node_of(const col_yaml *yaml, int index) {
    return yaml_document_get_node((yaml_document_t *)&yaml->document, index);
}

const col_yaml_node *col_yaml_root(const col_yaml *yaml) {
    return yaml_document_get_root_node((yaml_document_t *)&yaml->document);
}

uint32_t col_yaml_line(const col_yaml_node *node) {
    return (uint32_t)node->start_mark.line + 1;
}

col_result col_yaml_error(const col_yaml *yaml, uint32_t line, const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return col_error("%s:%u: %s", yaml->path, line, text);
}

// ---- Scalars ----

/// A value as one line of text. Errors quote values, so control characters end here.
static col_result text_of(const col_yaml *yaml, const yaml_node_t *node, uint32_t line,
                          const char *what, const char **text) {
    if (node->type != YAML_SCALAR_NODE) {
        return col_yaml_error(yaml, line, "%s is a %s: it must be a single value", what,
                              node->type == YAML_MAPPING_NODE ? "mapping" : "list");
    }
    const unsigned char *value = node->data.scalar.value;
    for (size_t i = 0; i < node->data.scalar.length; i++) {
        if (value[i] < ' ' || value[i] == 0x7f) {
            return col_yaml_error(yaml, line,
                                  "%s contains a line break or control character: write it on one "
                                  "line",
                                  what);
        }
    }
    *text = (const char *)value;
    return col_ok();
}

/// Decimal digits without sign, fraction or leading zeros (which YAML 1.1 reads as octal).
static bool parse_number(const char *text, uint64_t *value) {
    const size_t length = strlen(text);
    if (length == 0 || length > 19 || strspn(text, "0123456789") != length) return false;
    if (text[0] == '0' && length > 1) return false;
    *value = strtoull(text, NULL, 10);
    return true;
}

static col_result read_number(const col_yaml *yaml, const yaml_node_t *node, uint32_t line,
                              const char *what, uint64_t minimum, uint64_t maximum,
                              uint64_t *value) {
    const char *text = "";
    COL_TRY(text_of(yaml, node, line, what, &text));
    if (!parse_number(text, value)) {
        return col_yaml_error(yaml, line,
                              "%s is '%.60s': it must be a whole number, %" PRIu64 " .. %" PRIu64,
                              what, text, minimum, maximum);
    }
    if (*value < minimum || *value > maximum) {
        return col_yaml_error(
            yaml, line,
            "%s is %" PRIu64 ": it must be %" PRIu64 " .. %" PRIu64 "; try %s: %" PRIu64, what,
            *value, minimum, maximum, what, *value < minimum ? minimum : maximum);
    }
    return col_ok();
}

static void list_words(const char *const *words, const char *last, char *text, size_t size) {
    size_t used = 0;
    for (size_t i = 0; words[i] && used < size; i++) {
        const char *separator = i == 0 ? "" : words[i + 1] ? ", " : last;
        used += (size_t)snprintf(text + used, size - used, "%s%s", separator, words[i]);
    }
}

static col_result read_choice(const col_yaml *yaml, const yaml_node_t *node, uint32_t line,
                              const char *what, const char *const *choices, uint32_t *index) {
    const char *text = "";
    COL_TRY(text_of(yaml, node, line, what, &text));
    for (uint32_t i = 0; choices[i]; i++) {
        if (strcmp(choices[i], text) != 0) continue;
        *index = i;
        return col_ok();
    }
    char known[256];
    list_words(choices, " or ", known, sizeof known);
    return col_yaml_error(yaml, line, "%s is '%.60s': it must be %s", what, text, known);
}

col_result col_yaml_number(const col_yaml *yaml, const col_yaml_node *node, const char *what,
                           uint64_t minimum, uint64_t maximum, uint64_t *value) {
    return read_number(yaml, node, col_yaml_line(node), what, minimum, maximum, value);
}

col_result col_yaml_choice(const col_yaml *yaml, const col_yaml_node *node, const char *what,
                           const char *const *choices, uint32_t *index) {
    return read_choice(yaml, node, col_yaml_line(node), what, choices, index);
}

bool col_yaml_is(const col_yaml_node *node, const char *text) {
    return node->type == YAML_SCALAR_NODE && node->data.scalar.length == strlen(text) &&
           memcmp(node->data.scalar.value, text, node->data.scalar.length) == 0;
}

// ---- Mappings ----

static void store(unsigned char *member, size_t size, uint64_t value) {
    const uint8_t one = (uint8_t)value;
    const uint32_t four = (uint32_t)value;
    switch (size) {
        case 1:
            memcpy(member, &one, 1);
            return;
        case 4:
            memcpy(member, &four, 4);
            return;
        case 8:
            memcpy(member, &value, 8);
            return;
        default:
            COL_ASSERT(!"a member of 1, 4 or 8 bytes");
    }
}

static col_result read_text(const col_yaml *yaml, const yaml_node_t *node, uint32_t line,
                            const col_yaml_key *key, char *member) {
    const char *text = "";
    COL_TRY(text_of(yaml, node, line, key->key, &text));
    const size_t length = strlen(text);
    if (length < key->minimum) {
        return col_yaml_error(yaml, line, "%s is empty: give it a value", key->key);
    }
    if (length >= key->size) {
        return col_yaml_error(yaml, line, "%s has %zu characters: it may have %zu; shorten it",
                              key->key, length, key->size - 1);
    }
    memcpy(member, text, length + 1);
    return col_ok();
}

static col_result read_value(const col_yaml *yaml, const col_yaml_key *key,
                             const col_yaml_found *found, void *out) {
    if (key->kind == COL_YAML_NODE) return col_ok();  // and `out` may be NULL
    unsigned char *member = (unsigned char *)out + key->offset;
    switch (key->kind) {
        case COL_YAML_NUMBER: {
            uint64_t value = 0;
            COL_TRY(read_number(yaml, found->value, found->line, key->key, key->minimum,
                                key->maximum, &value));
            store(member, key->size, value * (key->unit ? key->unit : 1));
            return col_ok();
        }
        case COL_YAML_TEXT:
            return read_text(yaml, found->value, found->line, key, (char *)member);
        case COL_YAML_CHOICE: {
            uint32_t index = 0;
            COL_TRY(read_choice(yaml, found->value, found->line, key->key, key->choices, &index));
            store(member, key->size, key->minimum + index);
            return col_ok();
        }
        case COL_YAML_NODE:
            break;
    }
    COL_ASSERT(!"a kind of the enumeration");
    return col_ok();
}

/// Edits (insert, delete, replace one character) that turn one word into the other.
static size_t distance(const char *a, const char *b) {
    const size_t b_length = strlen(b);
    if (strlen(a) >= WORD_MAX || b_length >= WORD_MAX) return WORD_MAX;

    size_t row[WORD_MAX];
    for (size_t j = 0; j <= b_length; j++) row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            const size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
            const size_t shorter = row[j - 1] < row[j] ? row[j - 1] : row[j];
            diagonal = row[j];
            row[j] = replaced < shorter + 1 ? replaced : shorter + 1;
        }
    }
    return row[b_length];
}

static col_result unknown_key(const col_yaml *yaml, uint32_t line, const char *what,
                              const char *word, const col_yaml_key *keys, size_t count) {
    const char *words[COL_YAML_KEYS_MAX + 1] = {NULL};
    size_t nearest = 0;
    for (size_t i = 0; i < count; i++) {
        words[i] = keys[i].key;
        if (distance(word, keys[i].key) < distance(word, keys[nearest].key)) nearest = i;
    }
    // Beyond half of the word a likeness is chance.
    if (distance(word, keys[nearest].key) * 2 <= strlen(keys[nearest].key)) {
        return col_yaml_error(yaml, line, "%s has no key '%.60s': did you mean %s?", what, word,
                              keys[nearest].key);
    }
    char known[400];
    list_words(words, " and ", known, sizeof known);
    return col_yaml_error(yaml, line, "%s has no key '%.60s': its keys are %s", what, word, known);
}

/// Find the place of every key that the mapping has.
static col_result find_keys(const col_yaml *yaml, const yaml_node_t *node, const char *what,
                            const col_yaml_key *keys, size_t count, col_yaml_found *found) {
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = node_of(yaml, pair->key);
        const uint32_t line = col_yaml_line(key);
        const char *word = "";
        COL_TRY(text_of(yaml, key, line, "a key", &word));
        size_t i = 0;
        while (i < count && !col_yaml_is(key, keys[i].key)) i++;
        if (i == count) return unknown_key(yaml, line, what, word, keys, count);
        if (found[i].value) {
            return col_yaml_error(yaml, line, "%s stands in line %u already: remove one of the two",
                                  word, found[i].line);
        }
        found[i] = (col_yaml_found){.value = node_of(yaml, pair->value), .line = line};
    }
    return col_ok();
}

col_result col_yaml_mapping(const col_yaml *yaml, const col_yaml_node *node, const char *what,
                            const col_yaml_key *keys, size_t count, void *out,
                            col_yaml_found *found) {
    COL_ASSERT(count <= COL_YAML_KEYS_MAX);
    if (node->type != YAML_MAPPING_NODE) {
        return col_yaml_error(yaml, col_yaml_line(node),
                              "%s must be a mapping: lines of 'key: value', or {key: value, ...}",
                              what);
    }
    memset(found, 0, count * sizeof *found);
    COL_TRY(find_keys(yaml, node, what, keys, count, found));
    for (size_t i = 0; i < count; i++) {
        if (found[i].value) {
            COL_TRY(read_value(yaml, &keys[i], &found[i], out));
        } else if (keys[i].example) {
            return col_yaml_error(yaml, col_yaml_line(node), "%s lacks the key %s: add %s: %s",
                                  what, keys[i].key, keys[i].key, keys[i].example);
        }
    }
    return col_ok();
}

// ---- Lists ----

col_result col_yaml_list(const col_yaml *yaml, const col_yaml_node *node, const char *what,
                         uint32_t *count) {
    if (node->type != YAML_SEQUENCE_NODE) {
        return col_yaml_error(yaml, col_yaml_line(node),
                              "%s must be a list: lines of '- item', or [item, ...]", what);
    }
    *count = (uint32_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    return col_ok();
}

const col_yaml_node *col_yaml_item(const col_yaml *yaml, const col_yaml_node *list,
                                   uint32_t index) {
    return node_of(yaml, list->data.sequence.items.start[index]);
}
