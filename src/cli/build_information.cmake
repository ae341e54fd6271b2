# SPDX-License-Identifier: Apache-2.0
cmake_minimum_required(VERSION 3.22)

# Writes OUTPUT when it changed. Without git, or outside a work tree, the commit is "unknown".
execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=12
  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT commit)
  set(commit unknown)
endif()
if(SANITIZE)
  string(APPEND TYPE ", ${SANITIZE} sanitizer")
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "// SPDX-License-Identifier: Apache-2.0
#pragma once
#define COL_BUILD_VERSION \"@VERSION@\"
#define COL_BUILD_COMMIT \"@commit@\"
#define COL_BUILD_TYPE \"@TYPE@\"
#define COL_BUILD_COMPILER \"@COMPILER@\"
" @ONLY)
