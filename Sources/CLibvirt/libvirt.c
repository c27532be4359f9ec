#include "CLibvirt.h"
#include "load.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

// What is called of libvirt.so.0. All pointers are its own.
static struct {
  void *(*open)(const char *uri);
  int (*close)(void *connection);
  int (*list)(void *connection, void ***domains, unsigned flags);
  const char *(*name)(void *domain);
  int (*uuid)(void *domain, char *text);
  int (*state)(void *domain, int *state, int *reason, unsigned flags);
  int (*has_saved_memory)(void *domain, unsigned flags);
  char *(*description)(void *domain, unsigned flags);
  int (*free_domain)(void *domain);
  void *(*pool)(void *connection, const char *name);
  int (*free_pool)(void *pool);
  void *(*volume)(void *pool, const char *name);
  int (*free_volume)(void *volume);
  char *(*volume_path)(void *volume);
  int (*error_code)(void);
  const char *(*error_message)(void);
  void (*set_error_function)(void *data, void (*function)(void *data, void *error));
} libvirt;

struct cv_connection {
  void *connection;
};

struct cv_domains {
  size_t count;
  void **domains;
};

// It would write each error to standard error.
static void say_nothing(void *data, void *error) {
  (void)data;
  (void)error;
}

// Returns 0 once the library is there, or -1 with `fault`. One thread only.
static int load_libvirt(struct cv_fault *fault) {
  static void *library;
  if (library != NULL) return 0;
  void *loaded = dlopen("libvirt.so.0", RTLD_NOW | RTLD_LOCAL);
  if (loaded == NULL) {
    fault->code = 0;
    snprintf(fault->reason, sizeof fault->reason, "%s", dlerror());
    return -1;
  }
  const struct function functions[] = {
      {"virConnectOpenReadOnly", &libvirt.open},
      {"virConnectClose", &libvirt.close},
      {"virConnectListAllDomains", &libvirt.list},
      {"virDomainGetName", &libvirt.name},
      {"virDomainGetUUIDString", &libvirt.uuid},
      {"virDomainGetState", &libvirt.state},
      {"virDomainHasManagedSaveImage", &libvirt.has_saved_memory},
      {"virDomainGetXMLDesc", &libvirt.description},
      {"virDomainFree", &libvirt.free_domain},
      {"virStoragePoolLookupByName", &libvirt.pool},
      {"virStoragePoolFree", &libvirt.free_pool},
      {"virStorageVolLookupByName", &libvirt.volume},
      {"virStorageVolFree", &libvirt.free_volume},
      {"virStorageVolGetPath", &libvirt.volume_path},
      {"virGetLastErrorCode", &libvirt.error_code},
      {"virGetLastErrorMessage", &libvirt.error_message},
      {"virSetErrorFunc", &libvirt.set_error_function},
  };
  const char *missing = load_functions(loaded, functions, sizeof functions / sizeof functions[0]);
  if (missing != NULL) {
    fault->code = 0;
    snprintf(fault->reason, sizeof fault->reason, "libvirt.so.0 has no %s", missing);
    dlclose(loaded);
    return -1;
  }
  libvirt.set_error_function(NULL, say_nothing);
  library = loaded;
  return 0;
}

static void note_error(struct cv_fault *fault) {
  fault->code = libvirt.error_code();
  const char *message = libvirt.error_message();
  snprintf(fault->reason, sizeof fault->reason, "%s", message != NULL ? message : "no reason is told");
}

struct cv_connection *cv_open(const char *uri, struct cv_fault *fault) {
  if (load_libvirt(fault) != 0) return NULL;
  struct cv_connection *result = malloc(sizeof *result);
  if (result == NULL) {
    fault->code = 0;
    snprintf(fault->reason, sizeof fault->reason, "there is no memory");
    return NULL;
  }
  result->connection = libvirt.open(uri);
  if (result->connection == NULL) {
    note_error(fault);
    free(result);
    return NULL;
  }
  return result;
}

void cv_close(struct cv_connection *connection) {
  libvirt.close(connection->connection);
  free(connection);
}

struct cv_domains *cv_list(struct cv_connection *connection, struct cv_fault *fault) {
  void **domains = NULL;
  int count = libvirt.list(connection->connection, &domains, 0);
  if (count < 0) {
    note_error(fault);
    return NULL;
  }
  struct cv_domains *result = malloc(sizeof *result);
  if (result == NULL) {
    for (int i = 0; i < count; i++) libvirt.free_domain(domains[i]);
    free(domains);
    fault->code = 0;
    snprintf(fault->reason, sizeof fault->reason, "there is no memory");
    return NULL;
  }
  result->count = (size_t)count;
  result->domains = domains;
  return result;
}

void cv_free_domains(struct cv_domains *domains) {
  for (size_t i = 0; i < domains->count; i++) libvirt.free_domain(domains->domains[i]);
  free(domains->domains);
  free(domains);
}

size_t cv_count(const struct cv_domains *domains) { return domains->count; }

const char *cv_name(const struct cv_domains *domains, size_t index) { return libvirt.name(domains->domains[index]); }

int cv_uuid(const struct cv_domains *domains, size_t index, char text[37], struct cv_fault *fault) {
  if (libvirt.uuid(domains->domains[index], text) == 0) return 0;
  note_error(fault);
  return -1;
}

int cv_state(const struct cv_domains *domains, size_t index, struct cv_fault *fault) {
  int state = 0;
  if (libvirt.state(domains->domains[index], &state, NULL, 0) == 0 && state >= 0) return state;
  note_error(fault);
  return -1;
}

int cv_has_saved_memory(const struct cv_domains *domains, size_t index, struct cv_fault *fault) {
  int has = libvirt.has_saved_memory(domains->domains[index], 0);
  if (has >= 0) return has;
  note_error(fault);
  return fault->code == CV_ERROR_NO_SUPPORT ? 0 : has;
}

char *cv_description(const struct cv_domains *domains, size_t index, int inactive, struct cv_fault *fault) {
  // VIR_DOMAIN_XML_INACTIVE
  char *text = libvirt.description(domains->domains[index], inactive ? 2 : 0);
  if (text == NULL) note_error(fault);
  return text;
}

char *cv_volume_path(struct cv_connection *connection, const char *pool, const char *volume, struct cv_fault *fault) {
  void *found_pool = libvirt.pool(connection->connection, pool);
  void *found = found_pool != NULL ? libvirt.volume(found_pool, volume) : NULL;
  char *path = found != NULL ? libvirt.volume_path(found) : NULL;
  if (path == NULL) note_error(fault);
  if (found != NULL) libvirt.free_volume(found);
  if (found_pool != NULL) libvirt.free_pool(found_pool);
  return path;
}

void cv_free_text(char *text) { free(text); }
