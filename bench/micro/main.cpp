// SPDX-License-Identifier: Apache-2.0
// Prints machine, commit and build configuration, then a row per benchmark: the medians of its
// repetitions. Ends with status 0 only when every benchmark ran and did its work.
#include <algorithm>
#include <string>
#include <vector>

#include "bench/micro/colonnade.hpp"
#include "bench/micro/measure.hpp"
#include "build_information.h"

namespace {

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const size_t half = values.size() / 2;
    return values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

class Table : public benchmark::BenchmarkReporter {
   public:
    bool failed = false;

    bool ReportContext(const Context &) override {
        std::printf("%-37s %-9s %12s %14s %7s\n", "benchmark", "per", "CPU ns", "cycles", "spread");
        return true;
    }

    void ReportRuns(const std::vector<Run> &runs) override {
        std::vector<double> ns, cycles;
        for (const Run &run : runs) {
            if (run.error_occurred) return report_error(run);
            if (run.run_type != Run::RT_Iteration) continue;
            ns.push_back(run.counters.at("cpu_ns").value);
            cycles.push_back(run.counters.at("cycles").value);
        }
        if (ns.empty()) return;  // aggregates: this table makes its own
        const auto [least, most] = std::minmax_element(cycles.begin(), cycles.end());
        const double middle = median(cycles);
        std::printf("%-37s %-9s %12.1f %14.0f %5.0f %%\n", runs[0].run_name.str().c_str(),
                    runs[0].report_label.c_str(), median(ns), middle,
                    middle > 0 ? 100 * (*most - *least) / middle : 0);
        std::fflush(stdout);
    }

   private:
    void report_error(const Run &run) {
        failed = true;
        std::printf("%-37s FAILED: %s\n", run.run_name.str().c_str(), run.error_message.c_str());
    }
};

void show(const char *name, const std::string &value) {
    std::printf("%-12s %s\n", name, value.c_str());
    benchmark::AddCustomContext(name, value);
}

void show_setting() {
    col_machine machine;
    col_machine_read(&machine);
    col_hasher *hasher = col_hasher_create();
    show("machine", std::string(machine.processor) + ", " + std::to_string(machine.cores) +
                        " cores, " + machine.kernel);
    show("commit", COL_BUILD_COMMIT);
    show("build", std::string(COL_BUILD_TYPE) + ", " COL_BUILD_COMPILER);
    show("signatures", col_backend_best()->name);
    show("SHA-256", col_hasher_name(hasher));
    std::printf("%-12s %s\n\n", "cycles", "of the time stamp counter, in the thread's CPU time");
    col_hasher_destroy(hasher);
}

}  // namespace

int main(int argc, char **argv) {
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    show_setting();
    Table table;
    const size_t ran = benchmark::RunSpecifiedBenchmarks(&table);
    return ran > 0 && !table.failed ? 0 : 1;
}
