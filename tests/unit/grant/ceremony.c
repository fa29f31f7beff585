/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The real openssl program in a folder of the test's own. */
#include "ceremony.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#define LINE_MAX_BYTES 8192

void ceremony_begin(struct ceremony *ceremony)
{
    temp_dir_make(&ceremony->dir);
}

void ceremony_end(struct ceremony *ceremony)
{
    temp_dir_remove(&ceremony->dir);
}

void ceremony_run(const struct ceremony *ceremony, const char *format, ...)
{
    char line[LINE_MAX_BYTES];
    char command[LINE_MAX_BYTES + 256];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    ck_assert_int_lt(length, (int)sizeof line);
    (void)snprintf(command, sizeof command,
                   "cd %s && { %s\n} >shell.log 2>&1 </dev/null || { cat shell.log >&2; false; }",
                   ceremony->dir.path, line);
    ck_assert_msg(system(command) == 0, "%s", line);
}

void ceremony_officer(const struct ceremony *ceremony, const char *name, const char *key_options,
                      const char *certificate_options)
{
    ceremony_run(ceremony, "openssl genpkey %s -out %s.key", key_options, name);
    ceremony_run(ceremony, "openssl req -new -x509 -key %s.key -days 2 -subj /CN=%s %s -out %s.pem",
                 name, name, certificate_options, name);
}

void ceremony_officer_p256(const struct ceremony *ceremony, const char *name)
{
    ceremony_officer(ceremony, name, "-algorithm EC -pkeyopt ec_paramgen_curve:P-256", "");
}

void ceremony_write(const struct ceremony *ceremony, const char *file, const void *data,
                    size_t length)
{
    char path[TEMP_PATH_MAX];
    temp_dir_path(&ceremony->dir, file, path);
    FILE *out = fopen(path, "wb");
    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(fwrite(data, 1, length, out), length);
    ck_assert_int_eq(fclose(out), 0);
}

struct bytes ceremony_read(const struct ceremony *ceremony, const char *file)
{
    static uint8_t content[CEREMONY_FILE_MAX + 1];
    char path[TEMP_PATH_MAX];
    temp_dir_path(&ceremony->dir, file, path);
    FILE *in = fopen(path, "rb");
    ck_assert_msg(in != NULL, "%s", path);
    size_t length = fread(content, 1, CEREMONY_FILE_MAX, in);
    (void)fclose(in);
    content[length] = '\0';
    return bytes_of(content, length);
}

struct authority_set *ceremony_set(const struct ceremony *ceremony, unsigned threshold,
                                   const char *const *names)
{
    char *pems[AUTHORITY_KEYS_MAX] = {NULL};
    size_t count = 0;
    struct authority_set *set = NULL;
    struct fault fault = {0};
    for (; names[count] != NULL; count++) {
        char file[64];
        (void)snprintf(file, sizeof file, "%s.pem", names[count]);
        pems[count] = strdup((const char *)ceremony_read(ceremony, file).data);
    }
    enum error e = authority_set_new((const char *const *)pems, count, threshold, &set, &fault);
    for (size_t i = 0; i < count; i++)
        free(pems[i]);
    ck_assert_msg(e == ERR_OK, "%s: %s", fault.reason, fault.detail);
    return set;
}
