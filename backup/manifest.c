/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The manifest. Owns no state. */
#include "backup/manifest.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "backup/fault.h"
#include "core/clock.h"

#define ROOM_FIRST   64
#define IMAGE_PREFIX BACKUP_IMAGES "/"

enum error manifest_add(struct manifest *manifest, const struct manifest_file *file,
                        struct fault *fault)
{
    if (manifest->count == BACKUP_FILES_MAX)
        return fault_set(fault, ERR_TOO_LARGE, "backup-files", "The backup has too many files.", 0);
    if (manifest->count == manifest->room) {
        size_t room = manifest->room > 0 ? manifest->room * 2 : ROOM_FIRST;
        struct manifest_file *files = realloc(manifest->files, room * sizeof *files);
        if (files == NULL)
            return backup_no_memory(fault);
        manifest->files = files;
        manifest->room = room;
    }
    manifest->files[manifest->count++] = *file;
    return ERR_OK;
}

enum error manifest_miss(struct manifest *manifest, const struct sha256 *image, struct fault *fault)
{
    if (manifest->missing_count == BACKUP_FILES_MAX)
        return fault_set(fault, ERR_TOO_LARGE, "backup-files", "The backup lacks too many images.",
                         0);
    struct sha256 *missing =
        realloc(manifest->missing, (manifest->missing_count + 1) * sizeof *missing);
    if (missing == NULL)
        return backup_no_memory(fault);
    manifest->missing = missing;
    missing[manifest->missing_count++] = *image;
    return ERR_OK;
}

static int compare_digests(const void *a, const void *b)
{
    return memcmp(a, b, SHA256_SIZE);
}

bool manifest_is_missing(const struct manifest *manifest, const uint8_t image[SHA256_SIZE])
{
    return manifest->missing_count > 0 &&
           bsearch(image, manifest->missing, manifest->missing_count, sizeof *manifest->missing,
                   compare_digests) != NULL;
}

const struct manifest_file *manifest_find(const struct manifest *manifest, const char *name)
{
    for (size_t i = 0; i < manifest->count; i++) {
        if (strcmp(manifest->files[i].name, name) == 0)
            return &manifest->files[i];
    }
    return NULL;
}

void manifest_clear(struct manifest *manifest)
{
    free(manifest->files);
    free(manifest->missing);
    *manifest = (struct manifest){.files = NULL};
}

/* ---- writing ---- */

static json_t *files_to_json(const struct manifest *manifest)
{
    json_t *files = json_array();
    for (size_t i = 0; i < manifest->count && files != NULL; i++) {
        char hex[SHA256_HEX_SIZE];
        const struct manifest_file *file = &manifest->files[i];
        hex_encode(bytes_of(file->digest.bytes, SHA256_SIZE), hex);
        if (json_array_append_new(files, json_pack("{s:s, s:I, s:s}", "name", file->name, "size",
                                                   (json_int_t)file->size, "sha256", hex)) != 0) {
            json_decref(files);
            files = NULL;
        }
    }
    return files;
}

static json_t *missing_to_json(const struct manifest *manifest)
{
    json_t *missing = json_array();
    for (size_t i = 0; i < manifest->missing_count && missing != NULL; i++) {
        char name[BACKUP_NAME_MAX] = IMAGE_PREFIX;
        hex_encode(bytes_of(manifest->missing[i].bytes, SHA256_SIZE), name + strlen(name));
        if (json_array_append_new(missing, json_string(name)) != 0) {
            json_decref(missing);
            missing = NULL;
        }
    }
    return missing;
}

enum error manifest_write(const struct manifest *manifest, int64_t made_unix_ms, char **ret_text,
                          struct fault *fault)
{
    char made[TIMESTAMP_SIZE];
    timestamp_format(made_unix_ms, made);
    json_t *root = json_pack("{s:s, s:s, s:o, s:o, s:s}", "format", BACKUP_FORMAT, "made", made,
                             "files", files_to_json(manifest), "missing", missing_to_json(manifest),
                             "note", manifest->note);
    char *text = root != NULL ? json_dumps(root, JSON_INDENT(1)) : NULL;
    json_decref(root);
    if (text == NULL)
        return backup_no_memory(fault);
    *ret_text = text;
    return ERR_OK;
}

/* ---- comparing ---- */

static bool is_same_file(const struct manifest_file *file, json_t *row)
{
    const char *name = NULL;
    const char *hex = NULL;
    json_int_t size = 0;
    char found[SHA256_HEX_SIZE];
    hex_encode(bytes_of(file->digest.bytes, SHA256_SIZE), found);
    return json_unpack(row, "{s:s, s:I, s:s!}", "name", &name, "size", &size, "sha256", &hex) ==
               0 &&
           strcmp(name, file->name) == 0 && size == file->size && strcmp(hex, found) == 0;
}

static bool are_same_files(const struct manifest *manifest, const json_t *files)
{
    if (json_array_size(files) != manifest->count)
        return false;
    for (size_t i = 0; i < manifest->count; i++) {
        if (!is_same_file(&manifest->files[i], json_array_get(files, i)))
            return false;
    }
    return true;
}

static bool read_missing(struct manifest *manifest, const json_t *missing)
{
    for (size_t i = 0; i < json_array_size(missing); i++) {
        const char *name = json_string_value(json_array_get(missing, i));
        struct sha256 image;
        struct fault fault;
        if (name == NULL || strncmp(name, IMAGE_PREFIX, strlen(IMAGE_PREFIX)) != 0 ||
            !hex_decode(name + strlen(IMAGE_PREFIX), image.bytes, SHA256_SIZE) ||
            (i > 0 && compare_digests(&manifest->missing[i - 1], &image) >= 0) ||
            manifest_miss(manifest, &image, &fault) != ERR_OK)
            return false;
    }
    return true;
}

/* A manifest of before there were notes has neither of the two. */
static bool read_rest(struct manifest *manifest, const json_t *missing, const char *note)
{
    if (strlen(note) >= sizeof manifest->note)
        return false;
    (void)strcpy(manifest->note, note);
    return missing == NULL || (json_is_array(missing) && read_missing(manifest, missing));
}

static enum error compare(struct manifest *manifest, json_t *root, int64_t *ret_made_unix_ms,
                          struct fault *fault)
{
    const char *format = NULL;
    const char *made = NULL;
    const char *note = "";
    json_t *files = NULL;
    json_t *missing = NULL;
    if (json_unpack(root, "{s:s}", "format", &format) == 0 && strcmp(format, BACKUP_FORMAT) != 0)
        return fault_set(fault, ERR_UNSUPPORTED, "backup-newer",
                         "The backup has a format that this version does not know: restore it "
                         "with a newer one.",
                         0);
    if (json_unpack(root, "{s:s, s:s, s:o, s?o, s?s!}", "format", &format, "made", &made, "files",
                    &files, "missing", &missing, "note", &note) == 0 &&
        timestamp_parse(made, ret_made_unix_ms) && are_same_files(manifest, files) &&
        read_rest(manifest, missing, note))
        return ERR_OK;
    return backup_damaged(fault, "The files of the backup are not those that its manifest names: "
                                 "parts are missing, or are of another backup.");
}

enum error manifest_compare(struct manifest *manifest, struct bytes text, int64_t *ret_made_unix_ms,
                            struct fault *fault)
{
    json_t *root = json_loadb((const char *)text.data, text.length, JSON_REJECT_DUPLICATES, NULL);
    enum error e = compare(manifest, root, ret_made_unix_ms, fault);
    json_decref(root);
    return e;
}
