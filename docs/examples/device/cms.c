/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* How a device opens a license of the profile cms: cms KEY LICENSE IMAGE FIRMWARE. */
#include <openssl/cms.h>

#include "recipe.h"

int main(int argc, char **argv)
{
    require(argc == 5, "usage: cms KEY LICENSE IMAGE FIRMWARE");
    EVP_PKEY *key = read_key(argv[1]);
    struct octets license = read_file(argv[2], RECIPE_LICENSE_MAX);
    struct octets image = read_file(argv[3], RECIPE_IMAGE_MAX);
    const unsigned char *at = license.data;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)license.length);
    require(cms != NULL, "it is no CMS");
    BIO *content = BIO_new_mem_buf(image.data, (int)image.length);
    BIO *firmware = BIO_new(BIO_s_mem());
    require(CMS_decrypt(cms, key, NULL, content, firmware, CMS_BINARY) == 1,
            "it is for another device, or the image is another one");
    uint8_t *data = NULL;
    const long length = BIO_get_mem_data(firmware, (char **)&data);
    write_file(argv[4], data, (size_t)length);
    return 0;
}
