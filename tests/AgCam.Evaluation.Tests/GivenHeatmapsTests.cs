using System.Text;
using AgCam.Evaluation.Datasets;
using AgCam.Tables;
using Xunit;

namespace AgCam.Evaluation.Tests;

public class GivenHeatmapsTests
{
    [Theory]
    [InlineData("")]
    [InlineData("\u0093NUMPY")]
    [InlineData("\u0093NUMPY\u0001\0\u00ff\u00ff{'descr': '<f4'}")]
    [InlineData("\u0093NUMPY\u0001\0\u0036\0{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2)}")]
    [InlineData("\u0093NUMPY\u0001\0\u0038\0{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999999, 9999999999999)}")]
    [InlineData("\u0093NUMPY\u0001\0\u0036\0{'descr': '|O', 'fortran_order': False, 'shape': (1, 1)}      ")]
    public void Broken_npy_is_refused_by_name(string text)
    {
        var error = Assert.Throws<DatasetException>(() =>
            GivenHeatmaps.Read(() => NpyArray.Read(Encoding.Latin1.GetBytes(text)), "some.npy")
        );
        Assert.Contains("some.npy", error.Message, StringComparison.Ordinal);
    }
}
