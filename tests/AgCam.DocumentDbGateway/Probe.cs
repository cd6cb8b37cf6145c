namespace AgCam.DocumentDbGateway;
internal static class Probe { public static Task<int> Run(string uri, int documents) => Task.FromResult(1); }
