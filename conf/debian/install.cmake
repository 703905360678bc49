# What only the package has: copyright, changelog, compressed manual pages. CPack runs this between installing and packing.
set(usr "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr")
set(doc "${usr}/share/doc/attest-provider")
file(MAKE_DIRECTORY "${usr}/share/lintian/overrides" "${doc}")
configure_file("${CPACK_ATTEST_DEBIAN}/copyright" "${doc}/copyright" COPYONLY)
configure_file("${CPACK_ATTEST_DEBIAN}/lintian-overrides" "${usr}/share/lintian/overrides/attest-provider" COPYONLY)
configure_file("${CPACK_ATTEST_DEBIAN}/changelog.in" "${doc}/changelog" @ONLY)
file(GLOB pages "${usr}/share/man/man*/*.[1-8]")
execute_process(COMMAND gzip -9nf ${pages} "${doc}/changelog" COMMAND_ERROR_IS_FATAL ANY)
