/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Reading of small files. Owns no state. */
#include "cli/file_input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KIB ((size_t)1024)

static enum error open_input(const char *path, int *ret_fd, struct failure *failure)
{
    if (strcmp(path, "-") == 0) {
        *ret_fd = STDIN_FILENO;
        return ERR_OK;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return failure_set_plain(failure, ERR_BAD_REQUEST, "%s cannot be read: %s", path,
                                 strerror(errno));
    *ret_fd = fd;
    return ERR_OK;
}

/* Fills buffer until the end of the file or until size; -1 with errno. */
static ssize_t read_all(int fd, char *buffer, size_t size)
{
    size_t length = 0;
    while (length < size) {
        ssize_t n = read(fd, buffer + length, size - length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        length += (size_t)n;
    }
    return (ssize_t)length;
}

/* At most max bytes; the buffer holds one more, which tells that the file is larger. */
static enum error read_whole(const char *path, char *buffer, size_t max, size_t *ret_length,
                             struct failure *failure)
{
    int fd = -1;
    enum error e = open_input(path, &fd, failure);
    if (e != ERR_OK)
        return e;
    ssize_t length = read_all(fd, buffer, max + 1);
    int problem = errno;
    if (fd != STDIN_FILENO)
        (void)close(fd);
    if (length < 0)
        return failure_set_plain(failure, ERR_BAD_REQUEST, "%s cannot be read: %s", path,
                                 strerror(problem));
    if ((size_t)length > max)
        return failure_set_plain(failure, ERR_TOO_LARGE, "%s is larger than %zu %s", path,
                                 max < KIB ? max : max / KIB, max < KIB ? "bytes" : "KiB");
    *ret_length = (size_t)length;
    return ERR_OK;
}

/* ---- PEM ---- */

static bool is_ascii(const char *text)
{
    bool is_good = true;
    for (const char *c = text; *c != '\0'; c++)
        is_good = is_good && ((unsigned char)*c & 0x80) == 0;
    return is_good;
}

static enum error check_pem(const char *path, const char *text, struct failure *failure)
{
    if (strstr(text, "PRIVATE KEY-----") != NULL)
        return failure_set_plain(failure, ERR_BAD_REQUEST,
                                 "%s holds a private key. Give a file with certificates only",
                                 path);
    if (!is_ascii(text) || strstr(text, "-----BEGIN CERTIFICATE-----") == NULL)
        return failure_set_plain(
            failure, ERR_BAD_REQUEST,
            "%s holds no PEM certificate. Convert a DER certificate with openssl x509 -inform der",
            path);
    return ERR_OK;
}

static enum error check_public_keys(const char *path, const char *text, struct failure *failure)
{
    if (strstr(text, "PRIVATE KEY-----") != NULL)
        return failure_set_plain(failure, ERR_BAD_REQUEST,
                                 "%s holds a private key. Give a file with public keys only", path);
    if (strstr(text, "-----BEGIN CERTIFICATE-----") != NULL)
        return failure_set_plain(failure, ERR_BAD_REQUEST,
                                 "%s holds a certificate where public keys are wanted. Take the "
                                 "key out of it: openssl x509 -pubkey -noout -in FILE",
                                 path);
    if (!is_ascii(text) || strstr(text, "-----BEGIN PUBLIC KEY-----") == NULL)
        return failure_set_plain(failure, ERR_BAD_REQUEST,
                                 "%s holds no PEM public key. Convert a DER key with openssl pkey "
                                 "-pubin -inform der -in FILE -pubout",
                                 path);
    return ERR_OK;
}

static enum error check_signers(const char *path, const char *text, struct failure *failure)
{
    return strstr(text, "-----BEGIN PUBLIC KEY-----") != NULL
               ? check_public_keys(path, text, failure)
               : check_pem(path, text, failure);
}

typedef enum error (*text_check)(const char *path, const char *text, struct failure *failure);

static enum error read_text(const char *path, text_check check, char **ret_text,
                            struct failure *failure)
{
    size_t length = 0;
    char *text = malloc(FILE_INPUT_PEM_MAX_BYTES + 2);
    if (text == NULL)
        return failure_set_memory(failure);
    enum error e = read_whole(path, text, FILE_INPUT_PEM_MAX_BYTES, &length, failure);
    if (e == ERR_OK && memchr(text, '\0', length) != NULL)
        e = failure_set_plain(failure, ERR_BAD_REQUEST,
                              "%s is not a PEM file. Convert a DER certificate with openssl x509 "
                              "-inform der -in FILE -out FILE.pem",
                              path);
    if (e == ERR_OK) {
        text[length] = '\0';
        e = check(path, text, failure);
    }
    if (e != ERR_OK) {
        free(text);
        return e;
    }
    *ret_text = text;
    return ERR_OK;
}

enum error file_input_read_pem(const char *path, char **ret_text, struct failure *failure)
{
    return read_text(path, check_pem, ret_text, failure);
}

enum error file_input_read_public_keys(const char *path, char **ret_text, struct failure *failure)
{
    return read_text(path, check_public_keys, ret_text, failure);
}

enum error file_input_read_signers(const char *path, char **ret_text, struct failure *failure)
{
    return read_text(path, check_signers, ret_text, failure);
}

/* ---- bytes ---- */

enum error file_input_read_bytes(const char *path, size_t max, uint8_t **ret_data,
                                 size_t *ret_length, struct failure *failure)
{
    size_t length = 0;
    uint8_t *data = malloc(max + 1);
    if (data == NULL)
        return failure_set_memory(failure);
    enum error e = read_whole(path, (char *)data, max, &length, failure);
    if (e == ERR_OK && length == 0)
        e = failure_set_plain(failure, ERR_BAD_REQUEST, "%s is empty", path);
    if (e != ERR_OK) {
        free(data);
        return e;
    }
    *ret_data = data;
    *ret_length = length;
    return ERR_OK;
}
