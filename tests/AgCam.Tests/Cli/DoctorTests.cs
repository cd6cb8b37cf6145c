using AgCam.Native;
using AgCam.Tests.Models;
using Xunit;

namespace AgCam.Tests.Cli;

public class DoctorTests
{
    [Fact]
    public void A_machine_that_runs_these_tests_is_well()
    {
        var outcome = Agcam.Run("doctor", "--json");
        Assert.Equal(0, outcome.Code);
        var found = Assert.Single(outcome.Rows);
        Assert.True(found.GetProperty("ok").GetBoolean());
        Assert.Contains($"libtorch {NativeBackend.BuiltFor}", found.GetProperty("facts").GetProperty("backend").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_shipped_backend_passes_its_self_test() => Assert.Equal(new Outcome(0, "", ""), Agcam.Run("backend-self-test"));

    [Fact]
    public void A_misspelt_variable_is_a_warning()
    {
        var outcome = Agcam.Run(["doctor"], "", ("AGCAM_LIBTORHC", "/opt"));
        Assert.Equal(0, outcome.Code);
        Assert.Contains("AGCAM_LIBTORHC is set, but agcam knows no such variable", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Another_release_of_libtorch_is_refused()
    {
        using var folder = FakeLibTorch("2.14.0");
        var outcome = Agcam.Run(["explain", "a.jpg", "--model", SomeImages.Model], "", (NativeBackend.FolderVariable, folder["lib"]));
        Assert.Equal(2, outcome.Code);
        Assert.Contains("holds libtorch 2.14.0", outcome.Errors, StringComparison.Ordinal);
        Assert.Contains(NativeBackend.ExperimentalVariable, outcome.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("2.10.0", false)]
    [InlineData("2.14.0", true)]
    public void A_libtorch_that_fails_its_self_test_is_refused_with_the_reason(string version, bool experimental)
    {
        using var folder = FakeLibTorch(version);
        var outcome = Agcam.Run(
            ["explain", "a.jpg", "--model", SomeImages.Model], "",
            (NativeBackend.FolderVariable, folder["lib"]), (NativeBackend.ExperimentalVariable, experimental ? "1" : "0"), ("XDG_CACHE_HOME", folder["cache"]));
        Assert.Equal(2, outcome.Code);
        Assert.Contains("fails its self-test and is not used", outcome.Errors, StringComparison.Ordinal);
        Assert.Contains("does not load", outcome.Errors, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder["cache/agcam"]));
    }

    [Fact]
    public void A_libtorch_of_the_right_release_is_tested_once_and_then_used()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["lib"]);
        foreach (var file in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "libtorch")))
            File.CreateSymbolicLink(folder[$"lib/{Path.GetFileName(file)}"], file);
        File.WriteAllText(folder["version.py"], $"__version__ = '{NativeBackend.BuiltFor}+cpu'\n");
        var outcome = Agcam.Run(["doctor"], "", (NativeBackend.FolderVariable, folder["lib"]), ("XDG_CACHE_HOME", folder["cache"]));
        Assert.Equal(0, outcome.Code);
        Assert.Contains($"libtorch {NativeBackend.BuiltFor}+cpu from {folder["lib"]}, self-test passed", outcome.Output, StringComparison.Ordinal);
        Assert.Single(Directory.GetFiles(folder["cache/agcam"], "libtorch-*.passed"));
    }

    /// <summary>Files of libtorch's names that hold no library.</summary>
    private static TemporaryFolder FakeLibTorch(string version)
    {
        var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["lib"]);
        foreach (var name in new[] { "libc10.so", "libtorch_cpu.so", "libtorch.so" })
            File.WriteAllText(folder[$"lib/{name}"], "not a library");
        File.WriteAllText(folder["build-version"], version);
        return folder;
    }
}
