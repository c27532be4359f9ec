// libvirt and libxml2 for Swift, loaded when they are first asked for: most hosts of other hypervisors have neither, and
// linking them would cost every start of the command 57 shared objects.
//
// No header of theirs is needed: of both only functions are used that have been there, unchanged, for many years
// (libvirt.so.0, https://libvirt.org/html/libvirt-libvirt-domain.html; libxml2.so.2 or .16, its xmlTextReader).

#ifndef CLIBVIRT_H
#define CLIBVIRT_H

#include <stddef.h>
#include <stdint.h>

struct cv_connection;
struct cv_domains;
struct cv_reader;

/// Why something failed.
struct cv_fault {
  /// libvirt's error number (virErrorNumber); 0 where the library itself is not there or cannot be used.
  int code;
  /// Ended by a zero.
  char reason[512];
};

/// Of virErrorNumber.
#define CV_ERROR_NO_SUPPORT 3
#define CV_ERROR_NO_DOMAIN 42

/// Opens a read-only connection (virConnectOpenReadOnly); NULL with `fault` where that fails.
struct cv_connection *cv_open(const char *uri, struct cv_fault *fault);
void cv_close(struct cv_connection *connection);

/// Every domain, active or not (virConnectListAllDomains); NULL with `fault` where that fails.
struct cv_domains *cv_list(struct cv_connection *connection, struct cv_fault *fault);
void cv_free_domains(struct cv_domains *domains);
size_t cv_count(const struct cv_domains *domains);
/// Its name; lives as long as the list.
const char *cv_name(const struct cv_domains *domains, size_t index);
/// Writes its UUID as 36 characters and a zero; returns 0, or -1 with `fault`.
int cv_uuid(const struct cv_domains *domains, size_t index, char text[37], struct cv_fault *fault);
/// Its state (virDomainState); -1 with `fault` where that fails.
int cv_state(const struct cv_domains *domains, size_t index, struct cv_fault *fault);
/// 1 where its memory is saved, 0 where not, or where its hypervisor saves none; -1 with `fault` where that fails.
int cv_has_saved_memory(const struct cv_domains *domains, size_t index, struct cv_fault *fault);
/// Its description, as it runs or, with `inactive`, as it will be started next; whoever asks frees it with
/// cv_free_text. NULL with `fault` where that fails.
char *cv_description(const struct cv_domains *domains, size_t index, int inactive, struct cv_fault *fault);

/// The path of a volume in a pool; whoever asks frees it with cv_free_text. NULL with `fault` where that fails.
char *cv_volume_path(struct cv_connection *connection, const char *pool, const char *volume, struct cv_fault *fault);

void cv_free_text(char *text);

/// Begins to read an XML document, which must outlive the reader; NULL where libxml2 is not there, or no memory.
/// Nothing is loaded from elsewhere, and no entity is expanded.
struct cv_reader *cv_read_xml(const char *text, size_t length);
void cv_free_reader(struct cv_reader *reader);
/// Goes on to the next node: 1; 0 at the end; -1 where the document is broken.
int cv_next(struct cv_reader *reader);
/// What the node is: 1 an element's start, 3 text, 4 CDATA, 15 an element's end (xmlReaderTypes).
int cv_type(struct cv_reader *reader);
/// Whether an element has no end of its own: `<a/>`.
int cv_is_empty(struct cv_reader *reader);
/// The element's name, without a prefix; lives until the reader goes on.
const char *cv_local_name(struct cv_reader *reader);
/// A text's characters; lives until the reader goes on.
const char *cv_value(struct cv_reader *reader);
/// Goes on to the next attribute of the element; 0 where there is none. cv_local_name and cv_value tell of it.
int cv_next_attribute(struct cv_reader *reader);

#endif
