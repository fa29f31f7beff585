# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0

# A file as a C array: cmake -DIN=file -DOUT=file.c -DNAME=SYMBOL -DHEADER=folder/header.h -P embed.cmake
# The header declares `extern const unsigned char SYMBOL[]` and `extern const size_t SYMBOL_LENGTH`.
file(READ ${IN} digits HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${digits}")
string(REPEAT "0x..," 16 line)
string(REGEX REPLACE "(${line})" "\\1\n" bytes "${bytes}")
file(WRITE ${OUT} "#include \"${HEADER}\"\nconst unsigned char ${NAME}[] = {\n${bytes}};\nconst size_t ${NAME}_LENGTH = sizeof ${NAME};\n")
