#include "CTOML.h"

#include <cstring>
#include <iterator>
#include <new>
#include <string>
#include <string_view>

// What the parser takes for granted does not hold for every text that is no TOML, such as "[" before a byte that no key
// begins with (scripts/fuzz). That must neither end the process, as assert(3) does, nor be undefined, as with NDEBUG.
#undef NDEBUG
namespace {
struct broken_assumption {};
[[noreturn]] void break_off() { throw broken_assumption{}; }
}  // namespace
#define TOML_ASSERT(expression) (static_cast<bool>(expression) ? static_cast<void>(0) : break_off())
#define TOML_EXCEPTIONS 1
#include <toml++/toml.h>

struct ct_document {
  toml::table root;
};

namespace {
const toml::node &node(const ct_node *it) { return *reinterpret_cast<const toml::node *>(it); }
const ct_node *handle(const toml::node *it) { return reinterpret_cast<const ct_node *>(it); }

void blame(ct_fault *fault, const toml::source_position &where, std::string_view reason) {
  fault->line = where.line;
  fault->column = where.column;
  const size_t length = reason.copy(fault->reason, sizeof fault->reason - 1);
  fault->reason[length] = 0;
}
}  // namespace

extern "C" {

ct_document *ct_parse(const char *text, size_t length, ct_fault *fault) {
  try {
    return new ct_document{toml::parse(std::string_view(text, length))};
  } catch (const toml::parse_error &error) {
    blame(fault, error.source().begin, error.description());
  } catch (const broken_assumption &) {
    blame(fault, {}, "it is no TOML, at a place that the parser does not name");
  } catch (const std::bad_alloc &) {
    blame(fault, {}, "there is no memory for it");
  }
  return nullptr;
}

void ct_free(ct_document *document) { delete document; }

const ct_node *ct_root(const ct_document *document) { return handle(&document->root); }

ct_kind ct_kind_of(const ct_node *it) {
  switch (node(it).type()) {
    case toml::node_type::table: return ct_table;
    case toml::node_type::array: return ct_array;
    case toml::node_type::string: return ct_string;
    case toml::node_type::integer: return ct_integer;
    case toml::node_type::floating_point: return ct_float;
    case toml::node_type::boolean: return ct_boolean;
    case toml::node_type::date: return ct_date;
    case toml::node_type::time: return ct_time;
    default: return ct_date_time;
  }
}

uint32_t ct_line(const ct_node *it) { return node(it).source().begin.line; }

const ct_node *ct_value(const ct_node *table, const char *key, size_t length) {
  const toml::table *all = node(table).as_table();
  return all ? handle(all->get(std::string_view(key, length))) : nullptr;
}

size_t ct_count(const ct_node *it) {
  if (const toml::table *table = node(it).as_table()) return table->size();
  if (const toml::array *array = node(it).as_array()) return array->size();
  return 0;
}

const char *ct_key(const ct_node *table, size_t index, size_t *length) {
  const toml::table *all = node(table).as_table();
  if (!all || index >= all->size()) return nullptr;
  const std::string_view key = std::next(all->begin(), static_cast<std::ptrdiff_t>(index))->first.str();
  *length = key.size();
  return key.data();
}

const ct_node *ct_element(const ct_node *array, size_t index) {
  const toml::array *all = node(array).as_array();
  return all ? handle(all->get(index)) : nullptr;
}

const char *ct_text(const ct_node *string, size_t *length) {
  const toml::value<std::string> *text = node(string).as_string();
  if (!text) return nullptr;
  *length = text->get().size();
  return text->get().data();
}

int64_t ct_number(const ct_node *integer) { return node(integer).value_or<int64_t>(0); }

int ct_truth(const ct_node *boolean) { return node(boolean).value_or(false) ? 1 : 0; }
}
