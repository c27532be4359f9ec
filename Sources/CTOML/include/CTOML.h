// TOML as toml++ reads it (libtomlplusplus-dev; https://marzer.github.io/tomlplusplus), for Swift: nothing here throws,
// and every pointer to a node or to text lives as long as the document.

#ifndef CTOML_H
#define CTOML_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ct_document;
struct ct_node;

/// What a value is.
enum ct_kind { ct_table, ct_array, ct_string, ct_integer, ct_float, ct_boolean, ct_date, ct_time, ct_date_time };

/// Where and why a text is no TOML; lines and columns count from 1.
struct ct_fault {
  uint32_t line;
  uint32_t column;
  /// UTF-8, ended by a zero.
  char reason[256];
};

/// Reads UTF-8 text; NULL with `fault` where it is no TOML, or there is no memory.
struct ct_document *ct_parse(const char *text, size_t length, struct ct_fault *fault);
void ct_free(struct ct_document *document);

/// The table of the whole document.
const struct ct_node *ct_root(const struct ct_document *document);
enum ct_kind ct_kind_of(const struct ct_node *node);
/// Where it begins, from 1; 0 where that is not known.
uint32_t ct_line(const struct ct_node *node);

/// The value of a table's key; NULL where it has none.
const struct ct_node *ct_value(const struct ct_node *table, const char *key, size_t length);
/// How many keys or elements a table or an array has; 0 for anything else.
size_t ct_count(const struct ct_node *node);
/// A table's key by its number, in order of their bytes.
const char *ct_key(const struct ct_node *table, size_t index, size_t *length);
/// An array's element.
const struct ct_node *ct_element(const struct ct_node *array, size_t index);
/// A string's bytes, UTF-8 without an end.
const char *ct_text(const struct ct_node *string, size_t *length);
int64_t ct_number(const struct ct_node *integer);
int ct_truth(const struct ct_node *boolean);

#ifdef __cplusplus
}
#endif

#endif
