/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Reading of small PEM files. Owns no state. */
#include "cli/file_input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static enum error read_whole(const char *path, char *buffer, size_t max, struct failure *failure)
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
        return failure_set_plain(failure, ERR_TOO_LARGE,
                                 "%s is larger than %zu KiB. Give the certificates alone", path,
                                 max / 1024);
    buffer[length] = '\0';
    if (memchr(buffer, '\0', (size_t)length) != NULL)
        return failure_set_plain(
            failure, ERR_BAD_REQUEST,
            "%s is not a PEM file. Convert it: openssl x509 -inform der -in FILE -out FILE.pem",
            path);
    return ERR_OK;
}

static enum error check_pem(const char *path, const char *text, struct failure *failure)
{
    if (strstr(text, "PRIVATE KEY-----") != NULL)
        return failure_set_plain(failure, ERR_BAD_REQUEST,
                                 "%s holds a private key. Give a file with certificates only",
                                 path);
    bool is_ascii = true;
    for (const char *c = text; *c != '\0'; c++)
        is_ascii = is_ascii && ((unsigned char)*c & 0x80) == 0;
    if (!is_ascii || strstr(text, "-----BEGIN CERTIFICATE-----") == NULL)
        return failure_set_plain(
            failure, ERR_BAD_REQUEST,
            "%s holds no PEM certificate. Convert a DER certificate with openssl x509 -inform der",
            path);
    return ERR_OK;
}

enum error file_input_read_pem(const char *path, char **ret_text, struct failure *failure)
{
    char *text = malloc(FILE_INPUT_PEM_MAX_BYTES + 2);
    if (text == NULL)
        return failure_set_memory(failure);
    enum error e = read_whole(path, text, FILE_INPUT_PEM_MAX_BYTES, failure);
    if (e == ERR_OK)
        e = check_pem(path, text, failure);
    if (e != ERR_OK) {
        free(text);
        return e;
    }
    *ret_text = text;
    return ERR_OK;
}
