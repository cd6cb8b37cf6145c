using AgCam.Labels;
using FsCheck.Xunit;
using Xunit;

namespace AgCam.Tests.Labels;

public class LabelAgreementTests
{
    [Fact]
    public void Permuted_class_order_is_detected()
    {
        var agreement = new LabelAgreement();
        for (var i = 0; i < 200; i++)
            agreement.Add(i % 4, i % 10 == 0 ? 0 : (i % 4 + 1) % 4); // nine tenths right, each class under its neighbour's number
        var permuted = agreement.Permuted();
        Assert.NotNull(permuted);
        Assert.True(permuted.Accuracy > 0.85 && agreement.Accuracy < 0.1);
        Assert.Equal(
            new Dictionary<int, int>
            {
                [0] = 1,
                [1] = 2,
                [2] = 3,
                [3] = 0,
            },
            permuted.Classes
        );
    }

    [Fact]
    public void Poor_model_is_not_reported_as_permuted()
    {
        var (agreement, random) = (new LabelAgreement(), new Random(1));
        for (var i = 0; i < 500; i++)
            agreement.Add(i % 10, random.Next(10));
        Assert.Null(agreement.Permuted());
    }

    [Fact]
    public void Too_few_images_are_not_judged()
    {
        var agreement = new LabelAgreement();
        for (var i = 0; i < 4; i++)
            agreement.Add(i, (i + 1) % 4);
        Assert.Null(agreement.Permuted());
    }

    [Property]
    public void Mostly_correct_model_is_never_reported_as_permuted(byte[] noise)
    {
        var agreement = new LabelAgreement();
        for (var i = 0; i < noise.Length; i++)
        {
            agreement.Add(i % 5, noise[i] % 5);
            agreement.Add(i % 5, i % 5);
            agreement.Add(i % 5, i % 5);
            agreement.Add(i % 5, i % 5);
        }

        Assert.Null(agreement.Permuted());
    }
}
