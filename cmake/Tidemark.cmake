# Compiler settings and the two functions every folder uses to declare itself.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)

add_compile_definitions(TIDEMARK_VERSION="${PROJECT_VERSION}")

add_library(tidemark_warnings INTERFACE)
target_compile_options(tidemark_warnings INTERFACE -Wall -Wextra -Wshadow)
if(TIDEMARK_WERROR)
  target_compile_options(tidemark_warnings INTERFACE -Werror)
endif()

# Everything except libtidemark.so links this; the .so must run inside programs
# that know nothing of a sanitizer's runtime.
add_library(tidemark_sanitize INTERFACE)
if(TIDEMARK_SANITIZE)
  target_compile_options(tidemark_sanitize INTERFACE
    -fsanitize=${TIDEMARK_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  # At a fixed address: a million relocations of UBSan's tables took most of every start.
  target_link_options(tidemark_sanitize INTERFACE -fsanitize=${TIDEMARK_SANITIZE} -no-pie)
endif()

# gcc's ThreadSanitizer does not model fences and warns of each. Those here only keep a
# reader's copy before its second look at a sequence number.
if(TIDEMARK_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(tidemark_warnings INTERFACE -Wno-tsan)
endif()

# tidemark_library(NAME SOURCES a.cc… DEPS tidemark::base…)
# A static library tidemark::NAME. Files are included by their path from the
# top of the source tree: #include "analyzer/model/profile.h".
function(tidemark_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_library(tidemark_${name} STATIC ${ARG_SOURCES})
  add_library(tidemark::${name} ALIAS tidemark_${name})
  target_include_directories(tidemark_${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(tidemark_${name} PUBLIC ${ARG_DEPS} tidemark_sanitize
                                         PRIVATE tidemark_warnings)
endfunction()

# tidemark_headers(NAME DEPS …): the same for a folder that has headers only.
function(tidemark_headers name)
  cmake_parse_arguments(ARG "" "" "DEPS" ${ARGN})
  add_library(tidemark_${name} INTERFACE)
  add_library(tidemark::${name} ALIAS tidemark_${name})
  target_include_directories(tidemark_${name} INTERFACE ${PROJECT_SOURCE_DIR})
  target_link_libraries(tidemark_${name} INTERFACE ${ARG_DEPS})
endfunction()

# tidemark_test(NAME SOURCES x_test.cc… DEPS …)
# One GoogleTest program NAME_test per folder; each TEST is a ctest entry
# NAME.Suite.Case. The test's own code is optimised less than what it tests, which halves
# what it takes to compile.
function(tidemark_test name)
  if(NOT BUILD_TESTING)
    return()
  endif()
  include(GoogleTest)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name}_test ${ARG_SOURCES})
  target_link_libraries(${name}_test PRIVATE ${ARG_DEPS} GTest::gmock GTest::gtest_main
                                             tidemark_warnings tidemark_sanitize)
  target_compile_options(${name}_test PRIVATE "$<$<CONFIG:RelWithDebInfo>:-Og;-g1>")
  target_compile_definitions(${name}_test PRIVATE
    TIDEMARK_SOURCE_DIR="${PROJECT_SOURCE_DIR}" TIDEMARK_BINARY_DIR="${PROJECT_BINARY_DIR}")
  gtest_discover_tests(${name}_test TEST_PREFIX ${name}. DISCOVERY_MODE PRE_TEST
                       PROPERTIES TIMEOUT 300)
endfunction()
