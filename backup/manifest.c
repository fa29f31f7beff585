/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The manifest. Owns no state. */
#include "backup/manifest.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "backup/fault.h"
#include "core/clock.h"

#define ROOM_FIRST 64

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

void manifest_clear(struct manifest *manifest)
{
    free(manifest->files);
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

enum error manifest_write(const struct manifest *manifest, int64_t made_unix_ms, char **ret_text,
                          struct fault *fault)
{
    char made[TIMESTAMP_SIZE];
    timestamp_format(made_unix_ms, made);
    json_t *root = json_pack("{s:s, s:s, s:o}", "format", BACKUP_FORMAT, "made", made, "files",
                             files_to_json(manifest));
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

static enum error compare(const struct manifest *manifest, json_t *root, int64_t *ret_made_unix_ms,
                          struct fault *fault)
{
    const char *format = NULL;
    const char *made = NULL;
    json_t *files = NULL;
    if (json_unpack(root, "{s:s}", "format", &format) == 0 && strcmp(format, BACKUP_FORMAT) != 0)
        return fault_set(fault, ERR_UNSUPPORTED, "backup-newer",
                         "The backup has a format that this version does not know: restore it "
                         "with a newer one.",
                         0);
    if (json_unpack(root, "{s:s, s:s, s:o!}", "format", &format, "made", &made, "files", &files) ==
            0 &&
        timestamp_parse(made, ret_made_unix_ms) && are_same_files(manifest, files))
        return ERR_OK;
    return backup_damaged(fault, "The files of the backup are not those that its manifest names: "
                                 "parts are missing, or are of another backup.");
}

enum error manifest_compare(const struct manifest *manifest, struct bytes text,
                            int64_t *ret_made_unix_ms, struct fault *fault)
{
    json_t *root = json_loadb((const char *)text.data, text.length, JSON_REJECT_DUPLICATES, NULL);
    enum error e = compare(manifest, root, ret_made_unix_ms, fault);
    json_decref(root);
    return e;
}
