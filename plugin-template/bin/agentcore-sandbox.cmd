@echo off
rem Becomes the zipapp, run by a Python 3.10 or newer. For cmd.exe and PowerShell; Git Bash runs the file without suffix.
rem Labels and goto, no blocks: a closing bracket in a path, as in "Program Files (x86)", would end a block.
setlocal EnableExtensions DisableDelayedExpansion

rem On ARM64, Python is often ARM64's too, which cannot load what is native in the zipapp for amd64.
set "platform=any"
if /i "%PROCESSOR_ARCHITECTURE%"=="AMD64" set "platform=windows-amd64"
if /i "%PROCESSOR_ARCHITEW6432%"=="AMD64" set "platform=windows-amd64"
set "zipapp=%~dp0..\zipapps\agentcore-sandbox-%platform%.pyz"
if not exist "%zipapp%" set "zipapp=%~dp0..\zipapps\agentcore-sandbox-any.pyz"
if not exist "%zipapp%" goto no_zipapp

set "words="
set "python=%AGENTCORE_SANDBOX_PYTHON%"
if defined python goto start

rem The interpreter that was found before.
if not defined LOCALAPPDATA set "LOCALAPPDATA=%TEMP%"
set "memory=%LOCALAPPDATA%\agentcore-sandbox\python.txt"
if exist "%memory%" set /p "python=" <"%memory%"
if defined python if exist "%python%" goto start

set "python="
for %%n in (py python3 python3.14 python3.13 python3.12 python3.11 python3.10 python) do if not defined python call :consider %%n.exe
if defined python goto remember
set "words=run --no-project --quiet --python 3.13 python"
call :consider uv.exe
if not defined python goto no_python

:remember
if defined words goto start
if not exist "%LOCALAPPDATA%\agentcore-sandbox" mkdir "%LOCALAPPDATA%\agentcore-sandbox" 2>nul
>"%memory%" echo %python%

:start
"%python%" %words% -I -S "%zipapp%" %*
exit /b %errorlevel%

rem Looks for a program on PATH, starts it once and asks for its real path. Sets python, and words to start it with.
rem Microsoft's stub, which opens the Store or hangs, is not started.
:consider
set "candidate=%~$PATH:1"
if not defined candidate exit /b
if not "%candidate:\WindowsApps\=%"=="%candidate%" exit /b
for /f "usebackq delims=" %%p in (`^""%candidate%" %words% -I -c "import sys; sys.version_info >= (3, 10) and print(sys.executable)" 2^>nul^"`) do set "python=%%p"
if not defined python exit /b
rem A path with letters that the console's code page lacks: go the way that was just tried.
if not exist "%python%" set "python=%candidate%" & exit /b
set "words="
exit /b

:no_zipapp
>&2 echo error[NoZipapp]: no zipapp in "%~dp0..\zipapps"; install the plugin aws-bedrock-agentcore-codeinterpreter again
exit /b 125

:no_python
>&2 echo error[NoPython]: Python 3.10 or newer is needed and none was found; install one from https://www.python.org/downloads/, or uv, or set AGENTCORE_SANDBOX_PYTHON to its path
exit /b 125
