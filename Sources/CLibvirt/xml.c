#include "CLibvirt.h"
#include "load.h"

#include <dlfcn.h>
#include <limits.h>

// What is called of libxml2 (libxml/xmlreader.h).
static struct {
  struct cv_reader *(*open)(const char *text, int length, const char *url, const char *encoding, int options);
  void (*free)(struct cv_reader *reader);
  int (*next)(struct cv_reader *reader);
  int (*type)(struct cv_reader *reader);
  int (*is_empty)(struct cv_reader *reader);
  const unsigned char *(*local_name)(struct cv_reader *reader);
  const unsigned char *(*value)(struct cv_reader *reader);
  int (*next_attribute)(struct cv_reader *reader);
} xml;

// One thread only.
static int load_xml(void) {
  static void *library;
  if (library != NULL) return 0;
  // 2.14 broke the ABI elsewhere.
  void *loaded = dlopen("libxml2.so.2", RTLD_NOW | RTLD_LOCAL);
  if (loaded == NULL) loaded = dlopen("libxml2.so.16", RTLD_NOW | RTLD_LOCAL);
  if (loaded == NULL) return -1;
  const struct function functions[] = {
      {"xmlReaderForMemory", &xml.open},
      {"xmlFreeTextReader", &xml.free},
      {"xmlTextReaderRead", &xml.next},
      {"xmlTextReaderNodeType", &xml.type},
      {"xmlTextReaderIsEmptyElement", &xml.is_empty},
      {"xmlTextReaderConstLocalName", &xml.local_name},
      {"xmlTextReaderConstValue", &xml.value},
      {"xmlTextReaderMoveToNextAttribute", &xml.next_attribute},
  };
  if (load_functions(loaded, functions, sizeof functions / sizeof functions[0]) != NULL) {
    dlclose(loaded);
    return -1;
  }
  library = loaded;
  return 0;
}

struct cv_reader *cv_read_xml(const char *text, size_t length) {
  if (length > INT_MAX || load_xml() != 0) return NULL;
  // XML_PARSE_NOERROR, XML_PARSE_NOWARNING, XML_PARSE_NONET
  return xml.open(text, (int)length, NULL, "UTF-8", 1 << 5 | 1 << 6 | 1 << 11);
}

void cv_free_reader(struct cv_reader *reader) { xml.free(reader); }
int cv_next(struct cv_reader *reader) { return xml.next(reader); }
int cv_type(struct cv_reader *reader) { return xml.type(reader); }
int cv_is_empty(struct cv_reader *reader) { return xml.is_empty(reader); }
const char *cv_local_name(struct cv_reader *reader) { return (const char *)xml.local_name(reader); }
const char *cv_value(struct cv_reader *reader) { return (const char *)xml.value(reader); }
int cv_next_attribute(struct cv_reader *reader) { return xml.next_attribute(reader); }
