# Unit tests of the unwinder: modules, eh_frame, unwind_rules, stack_capture, fast_capture.
if(BUILD_TESTING)
  # Libraries of one layout whose code has other frames; tests/unwind loads a and b too, and
  # links c.
  foreach(variant a b c)
    add_library(unwind_plugin_${variant} SHARED unwind_test_plugin.c)
    target_compile_options(unwind_plugin_${variant} PRIVATE -O2)
  endforeach()
  target_compile_definitions(unwind_plugin_b PRIVATE VARIANT_B)
endif()

tidemark_test(unwinder
  SOURCES
    eh_frame_test.cc
    modules_test.cc
    fast_capture_test.cc
    stack_capture_test.cc
    unwind_rules_test.cc
  DEPS tidemark::preload PkgConfig::ELFUTILS Threads::Threads ${CMAKE_DL_LIBS})
if(TARGET unwinder_test)
  # It measures the stack that a capture takes, its caller in the test included.
  target_compile_options(unwinder_test PRIVATE $<$<CONFIG:RelWithDebInfo>:-O2>)
  add_dependencies(unwinder_test unwind_plugin_a unwind_plugin_b)
  target_compile_definitions(unwinder_test PRIVATE
    UNWIND_PLUGIN_A="$<TARGET_FILE:unwind_plugin_a>"
    UNWIND_PLUGIN_B="$<TARGET_FILE:unwind_plugin_b>")
endif()
