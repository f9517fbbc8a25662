#include "oracle/cli/command.hpp"

int main(int argc, char** argv) { return exactscan::cli::run(argc, argv); }
