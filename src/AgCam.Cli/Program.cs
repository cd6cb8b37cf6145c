using AgCam.Cli;
using AgCam.Cli.Terminal;

return await Invocation.RunAsync(AgcamCommand.Create(), args, new CommandConsole());
